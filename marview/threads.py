"""Set the number and waiting behaviour of compute threads, and detect when no more threads can start.

OpenMP, which torch uses, lets an idle thread spin for milliseconds before it sleeps. On a busy machine,
spinning threads take cores away from the threads they are waiting for, during every small operation of
a neural network. marview therefore lets threads sleep immediately, and uses no more threads than there
are free cores.
"""

import os
import platform
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from marview.errors import MarviewError, UsageError

NO_THREAD = (
    "The system cannot start another thread: the limit on processes or memory has been reached. Close other programs "
    "or raise the limit (ulimit -u, ulimit -v), and try again."
)

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Environment variables that let waiting OpenMP threads sleep; they are read at the first import of torch."""

_NO_BLAS_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
"""Environment variables that keep the OpenBLAS of numpy and scipy from starting threads at import.

marview multiplies no large matrices with numpy, so it does not need these threads. If OpenBLAS cannot start a thread,
it sends SIGINT to its own process, which looks like Ctrl-C. On ARM, torch uses OpenBLAS too, so the threads stay.
"""

_SIGNS = ("pthread_create failed", "Thread creation failed", "can't start new thread")
"""Error texts of OpenBLAS, OpenMP and Python when a thread cannot start."""


class NoThread(MarviewError):  # noqa: N818
    """The system cannot start another thread."""

    exit_code = 3


_STAT = Path("/proc/stat")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_LOOKS, _PAUSE_S = 10, 0.002


def wait_passively(environment: MutableMapping[str, str]) -> None:
    """Make waiting OpenMP threads sleep, and keep OpenBLAS from starting threads.

    Existing settings take priority.
    """
    blas = _NO_BLAS_THREADS if platform.machine().lower() in {"x86_64", "amd64"} else {}
    for name, value in (PASSIVE | blas).items():
        environment.setdefault(name, value)


@dataclass
class _Settled:
    """Threads of the current run; None before the first run."""

    count: int | None = None


_settled = _Settled()


def start_thread(work: Callable[[], None], name: str) -> Thread:
    """Start a daemon thread.

    Raises:
        NoThread: the system cannot start another thread.
    """
    thread = Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise NoThread(NO_THREAD) from error
    return thread


def is_lack_of_threads(bug: Exception) -> bool:
    """Return whether an exception means that a thread or process could not start."""
    if isinstance(bug, BlockingIOError):  # EAGAIN, of a process that cannot be forked
        return True
    return isinstance(bug, NoThread) or (isinstance(bug, RuntimeError) and tell_of_lacking_threads([str(bug)]))


def tell_of_lacking_threads(words: Iterable[str]) -> bool:
    """Return whether the last output lines of a process report that a thread could not start."""
    return any(sign in line for line in words for sign in _SIGNS)


def can_start_threads() -> bool:
    """Return whether the system can start another thread now."""
    try:
        start_thread(lambda: None, "trial").join()
    except NoThread:
        return False
    return True


def threads() -> int:
    """Return the compute thread count from `MARVIEW_THREADS`, `OMP_NUM_THREADS` or `settle_threads`.

    Raises:
        UsageError: `MARVIEW_THREADS` is not a positive whole number.
    """
    asked = os.environ.get("MARVIEW_THREADS", "").strip()
    if asked:
        if not asked.isdigit() or int(asked) < 1:
            raise UsageError(f"MARVIEW_THREADS must be a positive whole number, not {asked!r}: correct it or unset it.")
        return int(asked)
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdigit() and int(asked) >= 1:
        return int(asked)
    return _settled.count or cores()


def settle_threads() -> int:
    """Set the number of compute threads to the number of free cores; this takes about 20 ms.

    Call it at the start of a run, because the rounding of sums depends on the number of threads.

    Raises:
        UsageError: `MARVIEW_THREADS` is not a positive whole number.
    """
    _settled.count = free_cores()
    return threads()


def cores() -> int:
    """Return the number of cores that this process may use under its CPU affinity and container limit."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(granted) / int(period))))
    except (OSError, ValueError):  # no container, or no limit
        return allowed


def free_cores() -> int:
    """Return the number of free cores, at least 1.

    On systems other than Linux, return the number of all cores.
    """
    running = []
    for _ in range(_LOOKS):
        found = _running(_STAT)
        if found is None:
            return cores()
        running.append(found)
        time.sleep(_PAUSE_S)
    others = sum(running) / len(running) - 1  # this thread is one of them
    return max(1, min(cores(), round((os.cpu_count() or 1) - others)))


def _running(stat: Path) -> int | None:
    """Return the number of threads on this machine that are running or waiting for a core."""
    try:
        words = stat.read_text(encoding="ascii").split()
        return int(words[words.index("procs_running") + 1])
    except (OSError, ValueError, IndexError):
        return None
