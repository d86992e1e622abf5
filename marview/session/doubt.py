"""Ask the user whether doubtful voxels, which may be metal, enamel or dense bone, are metal."""

from collections.abc import Callable

from marview.session.messages import Messages, Question
from marview.text import tr


class Doubt:
    """Question to the user whether doubtful voxels are metal, asked once.

    Attributes:
        words: text of the question; empty if there is none.

    Args:
        messages: messages and questions for the user.
        confirm: function called if the user confirms that the voxels are metal.
    """

    def __init__(self, messages: Messages, confirm: Callable[[], None]) -> None:
        self.words = ""
        self._messages = messages
        self._confirm = confirm
        self._question: Question | None = None

    def ask(self, words: str) -> None:
        """Withdraw the earlier question, and ask a new one unless the text is empty."""
        self.withdraw()
        if words:
            self.words = words
            self._question = self._messages.ask(Question(words, tr("Mark as metal"), tr("No metal"), self._answer))

    def ask_again(self) -> None:
        """Ask the question again if it was not answered earlier."""
        if self._question is None:
            self.ask(self.words)

    def withdraw(self) -> None:
        """Withdraw the question."""
        if self._question is not None:
            self._messages.withdraw(self._question)
        self._question, self.words = None, ""

    def _answer(self, is_yes: bool) -> None:  # noqa: FBT001 - the signature of an answer
        self._question, self.words = None, ""
        if is_yes:
            self._confirm()
