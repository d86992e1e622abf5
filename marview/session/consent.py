"""What a person must agree to before artifacts of a series are reduced."""

from collections.abc import Callable

from marview.dicom import LoadedSeries
from marview.session.messages import Messages, Question


class Consent:
    """Asks one question about the series in view at a time, each kind once for each series."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._asked: Question | None = None
        self._is_across_gaps = self._is_reduced_again = False

    def forget(self) -> None:
        """Another series is in view: its questions were not asked yet."""
        self._is_across_gaps = self._is_reduced_again = False
        self._withdraw()

    def is_asked_about_gaps(self, loaded: LoadedSeries, then: Callable[[], None]) -> bool:
        """Ask whether slices are missing and the rest is to be corrected all the same; `then` is called upon a yes."""
        if not loaded.report.question or self._is_across_gaps:
            return False

        def agree() -> None:
            self._is_across_gaps = True
            then()

        self._ask(loaded.report.question, "Correct them", agree)
        return True

    def is_asked_about_derived(self, loaded: LoadedSeries, then: Callable[[], None]) -> bool:
        """Ask whether a series that is itself a correction is to be corrected again; `then` is called upon a yes."""
        derived = loaded.series.derived
        if not derived or self._is_reduced_again:
            return False

        def agree() -> None:
            self._is_reduced_again = True
            then()

        self._ask(f"This series is already corrected: {derived}. Reduce its artifacts again?", "Reduce again", agree)
        return True

    def _ask(self, sentence: str, yes: str, agree: Callable[[], None]) -> None:
        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            self._asked = None
            if is_yes:
                agree()

        self._withdraw()
        self._asked = self._messages.ask(Question(sentence, yes, "Cancel", answer))

    def _withdraw(self) -> None:
        if self._asked is not None:
            self._messages.withdraw(self._asked)
            self._asked = None
