"""Questions that the user must answer before a run."""

from collections.abc import Callable

from marview.dicom import LoadedSeries
from marview.session.messages import Messages, Question
from marview.text import tr
from marview.told import told


class Consent:
    """Questions about the series in view, asked one at a time.

    The user's consent applies until another series is shown.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._asked: Question | None = None
        self._is_across_gaps = self._is_reduced_again = False

    def forget(self) -> None:
        """Reset the questions when another series comes into view."""
        self._is_across_gaps = self._is_reduced_again = False
        self._withdraw()

    def is_asked_about_gaps(self, loaded: LoadedSeries, then: Callable[[], None]) -> bool:
        """Return whether the user was asked to agree to a correction, because slices are missing.

        If the user agrees to correct the remaining slices, `then` is called. Nothing is asked if the user has
        already agreed.
        """
        if not loaded.report.question or self._is_across_gaps:
            return False

        def agree() -> None:
            self._is_across_gaps = True
            then()

        self._ask(told(loaded.report.question), tr("Correct them"), agree)
        return True

    def is_asked_about_derived(self, loaded: LoadedSeries, then: Callable[[], None]) -> bool:
        """Return whether the user was asked to agree to a second correction, because the series is already corrected.

        If the user agrees, `then` is called. Nothing is asked if the user has already agreed.
        """
        derived = loaded.series.derived
        if not derived or self._is_reduced_again:
            return False

        def agree() -> None:
            self._is_reduced_again = True
            then()

        sentence = tr("This series is already corrected: {}. Reduce its artifacts again?").format(derived)
        self._ask(sentence, tr("Reduce again"), agree)
        return True

    def _ask(self, sentence: str, yes: str, agree: Callable[[], None]) -> None:
        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            self._asked = None
            if is_yes:
                agree()

        self._withdraw()
        self._asked = self._messages.ask(Question(sentence, yes, tr("Cancel"), answer))

    def _withdraw(self) -> None:
        if self._asked is not None:
            self._messages.withdraw(self._asked)
            self._asked = None
