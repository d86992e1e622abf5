"""Sentences for the person: what went wrong and what to do, or what was done."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal


class Severity(enum.StrEnum):
    """How a message is shown."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, eq=False)
class Message:
    """One sentence."""

    severity: Severity
    sentence: str


@dataclass(frozen=True, eq=False)
class Question:
    """One sentence that wants yes or no.

    Attributes:
        yes: what the button says that agrees.
        no: what the other says.
        answer: what to call with whether it was yes.
    """

    sentence: str
    yes: str
    no: str
    answer: Callable[[bool], None]


class Messages:
    """Says sentences and asks questions; the window shows them in bars that never block."""

    said = Signal(Message)
    unsaid = Signal(Message)
    asked = Signal(Question)
    withdrawn = Signal(Question)

    def __init__(self) -> None:
        self._last: Message | None = None

    def ask(self, question: Question) -> Question:
        """Ask; the answer comes when the person gives one, perhaps never."""
        self.asked.emit(question)
        return question

    def withdraw(self, question: Question) -> None:
        """Take a question back that makes no sense any more."""
        self.withdrawn.emit(question)

    def say(self, severity: Severity, sentence: str) -> Message:
        """Show a sentence."""
        self._last = message = Message(severity, sentence)
        self.said.emit(message)
        return message

    def dismiss(self) -> None:
        """Take the last sentence away: what it was about is being tried again, or is gone."""
        if self._last is not None:
            self.unsay(self._last)
            self._last = None

    def unsay(self, message: Message) -> None:
        """Take a sentence away that is no longer so, if it is still shown."""
        self.unsaid.emit(message)

    def error(self, sentence: str) -> None:
        """Say that something failed."""
        self.say(Severity.ERROR, sentence)
