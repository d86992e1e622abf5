"""Run slow work on background threads; deliver answers on the window's thread unless they are outdated."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from marview.errors import MarviewError
from marview.heap import give_back
from marview.text import tr
from marview.threads import NO_THREAD, NoThread, is_lack_of_threads, start_thread

T = TypeVar("T")
Post = Callable[[Callable[[], None]], None]
"""Function that queues a call from any thread; the window's thread runs the calls in order."""

IsStale = Callable[[], bool]
"""Function that returns whether a request is outdated; any thread may call it."""

_log = logging.getLogger(__name__)


THREADS = 4
"""Number of threads. Two of them may wait for a worker to start while the others read series."""


class Background:
    """A pool of threads for slow work.

    Raises:
        NoThread: the system cannot start a thread.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="marview")
        try:
            self._threads.submit(int)  # start one thread now; it does all the work if no further thread can be started
        except (RuntimeError, MemoryError) as error:
            raise NoThread(NO_THREAD) from error
        self._is_closed = False

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Run `work` in the background, then `done(answer)` or `failed(sentence)` on the window's thread."""
        self.start(partial(answer, work, done, failed, self._answer))

    def start(self, call: Callable[[], None]) -> None:
        """Run a function on one of the threads."""
        if not self._is_closed:
            with suppress(RuntimeError, MemoryError):  # no further thread can start; the work waits for the first one
                self._threads.submit(call)

    def let_go(self, release: Callable[[], None]) -> None:
        """Release memory on a background thread, because releasing 100 MB takes 30 ms."""

        def work() -> None:
            release()
            give_back()

        self.run(work, lambda _: None, lambda _: None)

    def latest(self) -> "Latest":
        """Return a request handler that uses these threads and answers only the latest request."""
        return Latest(self._answer, self.start)

    def _answer(self, call: Callable[[], None]) -> None:
        if not self._is_closed:
            self.post(call)

    def is_closed(self) -> bool:
        """Return whether the pool is closed."""
        return self._is_closed

    def close(self) -> None:
        """Stop accepting work, and discard the answers of work in progress."""
        self._is_closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)


class Latest:
    """Request handler for slow work, which answers only the latest request.

    Attributes:
        is_busy: whether work is running, including work for outdated requests.

    Args:
        post: function that calls another function on the window's thread.
        start: function that calls another function on a background thread; raises `NoThread` if none can
            be started.
    """

    def __init__(self, post: Post, start: Callable[[Callable[[], None]], object]) -> None:
        self._post = post
        self._start = start
        self._current = 0
        self._running = 0

    @classmethod
    def on_own_thread(cls, post: Post, name: str) -> "Latest":
        """Return a request handler that uses a separate thread for each request.

        It is meant for work that spends most of its time waiting.
        """
        return cls(post, partial(start_thread, name=name))

    @property
    def is_busy(self) -> bool:
        """Return whether work is running, including work for outdated requests."""
        return self._running > 0

    def drop(self) -> IsStale:
        """Drop the running request, and return a function that reports whether there is a newer request."""
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
        """Run `work` on another thread, replacing the previous request.

        Afterwards the window's thread calls `done(answer)`, `failed(sentence)` or, if a newer request has been made,
        `dropped()`.
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
    """Run `work` and post `done(answer)`, or `failed(sentence)` if it raises an exception."""
    try:
        found = work()
    except MarviewError as refusal:
        sentence = str(refusal)
        post(lambda: failed(sentence))
    except Exception as bug:  # noqa: BLE001 - a thread must report every failure
        _log.exception("background work failed")
        sentence = (
            NO_THREAD
            if is_lack_of_threads(bug)
            else tr("The operation failed ({}). Please report this error; the log contains the details.").format(
                type(bug).__name__
            )
        )
        post(lambda: failed(sentence))
    else:
        post(lambda: done(found))
