"""Connection between worker and window: requests on standard input, messages on standard output.

Method code that prints or reads input cannot disturb the connection, because its output goes to standard
error and its input is empty.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

from marview.errors import MarviewError
from marview.mar.messages import CancelRequest, Failed, Message, Request, decode, encode
from marview.memory import total_bytes
from marview.methods.api import Cancelled
from marview.threads import start_thread


class Channel:
    """Connection to the window; it ends this process when the window closes or crashes."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._requests = os.fdopen(os.dup(0), "rb")
        self._messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        self._cancelled = threading.Event()
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._lock = threading.Lock()
        start_thread(self._read, "requests")

    def next(self) -> Request:
        """Wait for the next request, ignoring cancel requests that arrived earlier."""
        return self._waiting.get()

    def is_asked(self, within_s: float) -> bool:
        """Return whether a request is waiting or arrives within `within_s` seconds."""
        end = time.monotonic() + within_s
        while self._waiting.empty() and time.monotonic() < end:
            time.sleep(0.01)
        return not self._waiting.empty()

    def send(self, message: Message) -> None:
        """Send a message to the window."""
        with self._lock:
            self._messages.write(encode(message))
            self._messages.flush()

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the current run is cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def _read(self) -> None:
        for line in self._requests:
            try:
                request = decode(line.decode())
            except (ValueError, MarviewError) as error:
                self.send(Failed(str(error), exit_code=3))
                continue
            if isinstance(request, CancelRequest):
                self._cancelled.set()
            else:
                self._cancelled.clear()
                self._waiting.put(request)  # type: ignore[arg-type]
        end_group()


def end_group() -> None:
    """End this process and all its children immediately, without cleaning up."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def limit_memory(limit_mb: int | None) -> None:
    """Limit the memory of this process; None sets the limit to the computer's total memory.

    Above the limit, an allocation fails with an error that marview can report. The process also becomes the
    first candidate for the OOM killer, so that the system does not kill the window if memory runs out.
    """
    if sys.platform != "linux":
        return
    import resource

    limit = total_bytes() if limit_mb is None else limit_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
