"""Sentences for the person: what went wrong and what to do, or what was done."""

import enum
from dataclasses import dataclass

from psygnal import Signal


class Severity(enum.StrEnum):
    """How a message is shown."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Message:
    """One sentence."""

    severity: Severity
    sentence: str


class Messages:
    """Says sentences; the window shows them in a bar that never blocks."""

    said = Signal(Message)

    def say(self, severity: Severity, sentence: str) -> None:
        """Show a sentence."""
        self.said.emit(Message(severity, sentence))

    def error(self, sentence: str) -> None:
        """Say that something failed."""
        self.say(Severity.ERROR, sentence)
