"""Slow work off the window's thread; answers come back on it, and late ones are dropped."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from marview.errors import MarviewError
from marview.threads import NO_THREAD, NoThread, is_lack_of_threads

T = TypeVar("T")
Post = Callable[[Callable[[], None]], None]
"""Takes a call from any thread and makes it on the window's thread, soon and in order."""

_log = logging.getLogger(__name__)


class Generation:
    """Numbers requests, so that an answer to an old one can be told."""

    def __init__(self) -> None:
        self._current = 0

    def next(self) -> int:
        """A new number; all before it are stale from now on."""
        self._current += 1
        return self._current

    def is_current(self, number: int) -> bool:
        """Whether no newer number was given since."""
        return number == self._current


class Background:
    """Two threads for slow work.

    Raises:
        NoThread: the system starts no more threads.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="marview")
        try:
            self._threads.submit(int)  # one thread there is, which takes all work where no second one starts
        except (RuntimeError, MemoryError) as error:
            raise NoThread(NO_THREAD) from error
        self._is_closed = False

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Run `work` on a thread; then, on the window's thread, `done(answer)` or `failed(sentence)`."""
        if not self._is_closed:
            with suppress(RuntimeError, MemoryError):  # no second thread starts; the work waits for the first one
                self._threads.submit(self._run, work, done, failed)

    def _run(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[str], None]) -> None:
        try:
            answer = work()
        except MarviewError as refusal:
            sentence = str(refusal)
            self._answer(lambda: failed(sentence))
        except Exception as bug:  # noqa: BLE001 - a thread must say that it failed, whatever it was
            _log.exception("work in the background failed")
            sentence = (
                NO_THREAD
                if is_lack_of_threads(bug)
                else f"This failed ({type(bug).__name__}). The log has the details; please report it."
            )
            self._answer(lambda: failed(sentence))
        else:
            self._answer(lambda: done(answer))

    def _answer(self, call: Callable[[], None]) -> None:
        if not self._is_closed:
            self.post(call)

    def is_closed(self) -> bool:
        """Whether nobody waits for answers any more."""
        return self._is_closed

    def close(self) -> None:
        """Take no more work, and drop what is still to be answered."""
        self._is_closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
