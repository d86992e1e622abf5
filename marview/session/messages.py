"""Messages and questions that the window shows to the user."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal


class Severity(enum.StrEnum):
    """The severity of a message."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, eq=False)
class Message:
    """Message of one or more sentences."""

    severity: Severity
    sentence: str


@dataclass(frozen=True, eq=False)
class Question:
    """Yes-or-no question.

    Attributes:
        yes: text of the button that answers yes.
        no: text of the button that answers no.
        answer: function called with True for yes, False for no.
    """

    sentence: str
    yes: str
    no: str
    answer: Callable[[bool], None]


class Messages:
    """Messages and questions, which the window shows in non-blocking bars."""

    said = Signal(Message)
    unsaid = Signal(Message)
    asked = Signal(Question)
    withdrawn = Signal(Question)

    def __init__(self) -> None:
        self._last: Message | None = None

    def ask(self, question: Question) -> Question:
        """Ask a question, which the user may answer later or not at all."""
        self.asked.emit(question)
        return question

    def withdraw(self, question: Question) -> None:
        """Withdraw a question that no longer applies."""
        self.withdrawn.emit(question)

    def say(self, severity: Severity, sentence: str) -> Message:
        """Show a message."""
        self._last = message = Message(severity, sentence)
        self.said.emit(message)
        return message

    def dismiss(self) -> None:
        """Remove the last message; call this when its cause no longer exists or the user tries again."""
        if self._last is not None:
            self.unsay(self._last)
            self._last = None

    def unsay(self, message: Message) -> None:
        """Remove a message that no longer applies, if it is still shown."""
        self.unsaid.emit(message)

    def error(self, sentence: str) -> None:
        """Show an error message."""
        self.say(Severity.ERROR, sentence)
