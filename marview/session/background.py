"""Slow work off the window's thread; answers come back on it, and late ones are dropped."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from marview.errors import MarviewError
from marview.threads import NO_THREAD, NoThread, is_lack_of_threads, start_thread

T = TypeVar("T")
Post = Callable[[Callable[[], None]], None]
"""Takes a call from any thread and makes it on the window's thread, soon and in order."""

IsStale = Callable[[], bool]
"""Whether nobody wants the answer to a request any more; may be asked on any thread."""

_log = logging.getLogger(__name__)


THREADS = 4
"""Two of them may wait for a worker that starts, for seconds; series are read on the others meanwhile."""


class Background:
    """Some threads for slow work.

    Raises:
        NoThread: the system starts no more threads.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="marview")
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
        self.start(partial(answer, work, done, failed, self._answer))

    def start(self, call: Callable[[], None]) -> None:
        """Make a call on one of the threads."""
        if not self._is_closed:
            with suppress(RuntimeError, MemoryError):  # no second thread starts; the work waits for the first one
                self._threads.submit(call)

    def let_go(self, release: Callable[[], None]) -> None:
        """Give memory back on a thread, because the system takes 30 ms for each 100 MB."""
        self.run(release, lambda _: None, lambda _: None)

    def latest(self) -> "Latest":
        """Requests to these threads; only the latest is answered."""
        return Latest(self._answer, self.start)

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


class Latest:
    """Requests for slow work; only the latest is answered.

    Attributes:
        is_busy: whether work is under way, wanted or not.

    Args:
        post: makes a call on the window's thread.
        start: makes a call on another thread; raises `NoThread` where none can be started.
    """

    def __init__(self, post: Post, start: Callable[[Callable[[], None]], object]) -> None:
        self._post = post
        self._start = start
        self._current = 0
        self._running = 0

    @classmethod
    def on_own_thread(cls, post: Post, name: str) -> "Latest":
        """Requests that each take a thread of their own, because they wait long."""
        return cls(post, partial(start_thread, name=name))

    @property
    def is_busy(self) -> bool:
        """Whether work is under way, wanted or not."""
        return self._running > 0

    def drop(self) -> IsStale:
        """Drop what is under way; returns the question whether anything was asked for since."""
        self._current += 1
        ticket = self._current
        return lambda: ticket != self._current

    def run(
        self,
        work: Callable[[IsStale], T],
        done: Callable[[T], None],
        failed: Callable[[str], None],
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        """Do `work` on another thread, in place of what was asked for before.

        On the window's thread follows one of `done(answer)`, `failed(sentence)` and, where something else was asked for
        meanwhile, `dropped()`.
        """
        is_stale = self.drop()
        self._running += 1

        def settle(call: Callable[[], None]) -> None:
            self._running -= 1
            if is_stale():
                dropped()
            else:
                call()

        try:
            self._start(
                partial(
                    answer,
                    lambda: work(is_stale),
                    lambda answer: settle(lambda: done(answer)),
                    lambda sentence: settle(lambda: failed(sentence)),
                    self._post,
                )
            )
        except NoThread as refusal:
            self._running -= 1
            failed(str(refusal))


def answer(work: Callable[[], T], done: Callable[[T], None], failed: Callable[[str], None], post: Post) -> None:
    """Do `work` here and post `done(answer)`, or `failed(sentence)` where it raises anything."""
    try:
        found = work()
    except MarviewError as refusal:
        sentence = str(refusal)
        post(lambda: failed(sentence))
    except Exception as bug:  # noqa: BLE001 - a thread must say that it failed, whatever it was
        _log.exception("work in the background failed")
        sentence = (
            NO_THREAD
            if is_lack_of_threads(bug)
            else f"This failed ({type(bug).__name__}). The log has the details; please report it."
        )
        post(lambda: failed(sentence))
    else:
        post(lambda: done(found))
