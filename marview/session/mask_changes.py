"""Change the whole mask in the background, one change at a time; a new change replaces the previous one."""

from collections.abc import Callable
from typing import TypeVar

from psygnal import Signal

from marview.session.background import Background, IsStale
from marview.session.messages import Message, Messages, Severity
from marview.text import tr

T = TypeVar("T")


class MaskChanges:
    """Runner that changes the mask in the background.

    The error message for a failed change disappears when the next change starts.

    Event, sent on the window's thread: `busy()` when `is_busy` changes.

    Attributes:
        is_busy: whether a search for metal or a change of the mask is in progress.
    """

    busy = Signal()

    def __init__(self, background: Background, messages: Messages) -> None:
        self.is_busy = False
        self._latest = background.latest()
        self._messages = messages
        self._refused: Message | None = None

    def run(self, work: Callable[[IsStale], T], done: Callable[[T], None], failed: Callable[[], None]) -> None:
        """Run `work` in the background, then `done(answer)` or `failed()` on the window's thread.

        If `work` fails, an error message is shown before `failed()` is called.
        """

        def finish(answer: T) -> None:
            self._set_busy(is_busy=False)
            done(answer)

        def fail(sentence: str) -> None:
            self._set_busy(is_busy=False)
            self._refused = self._messages.say(Severity.ERROR, sentence)
            failed()

        if self._refused is not None:
            self._messages.unsay(self._refused)
            self._refused = None
        self._set_busy(is_busy=True)
        self._latest.run(work, finish, fail)

    def drop(self) -> None:
        """Discard the change in progress."""
        self._latest.drop()
        self._set_busy(is_busy=False)

    def is_held_up(self) -> bool:
        """Return whether a change in progress blocks other changes; if so, show a message."""
        if self.is_busy:
            self._messages.say(Severity.INFO, tr("The mask is being changed; try again in a moment."))
        return self.is_busy

    def _set_busy(self, *, is_busy: bool) -> None:
        if is_busy != self.is_busy:
            self.is_busy = is_busy
            self.busy.emit()
