"""How many threads marview computes on, how they wait, and what happens where the system starts no more of them.

OpenMP, which torch computes with, lets a thread without work spin for milliseconds before it sleeps. Where other
programs keep all cores busy, such a thread takes the core that the thread it waits for needs, at every small operation
of a network. Threads that sleep at once, and no more of them than there are free cores, leave that core alone.
"""

import os
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from marview.errors import MarviewError, UsageError

NO_THREAD = (
    "The system starts no more threads: the limit of processes or of memory is reached. Close other programs or raise "
    "the limit (ulimit -u, ulimit -v), and try again."
)

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Environment in which OpenMP threads sleep while they wait; OpenMP reads it when torch is first imported."""


class NoThread(MarviewError):  # noqa: N818
    """The system starts no more threads."""

    exit_code = 3


_STAT = Path("/proc/stat")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_LOOKS, _PAUSE_S = 10, 0.002


def wait_passively(environment: MutableMapping[str, str]) -> None:
    """Make OpenMP threads sleep while they wait, unless the environment already says how they wait."""
    for name, value in PASSIVE.items():
        environment.setdefault(name, value)


@dataclass
class _Settled:
    """Threads of the present run; None before the first one."""

    count: int | None = None


_settled = _Settled()


def start_thread(work: Callable[[], None], name: str) -> Thread:
    """Start a daemon thread; nobody must wait for one that was never started.

    Raises:
        NoThread: the system starts no more of them.
    """
    thread = Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise NoThread(NO_THREAD) from error
    return thread


def is_lack_of_threads(bug: Exception) -> bool:
    """Whether Python could start no thread; it says so with a RuntimeError of these words."""
    return isinstance(bug, RuntimeError) and "can't start new thread" in str(bug)


def threads() -> int:
    """Threads to compute on: `MARVIEW_THREADS`, or `OMP_NUM_THREADS`, or what `settle_threads` found free.

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
    """Look how many cores are free and compute on so many from now on; takes 20 ms.

    Call it when a run starts, not in its middle: sums depend, in their last bits, on the number of threads.

    Raises:
        UsageError: `MARVIEW_THREADS` is not a positive whole number.
    """
    _settled.count = free_cores()
    return threads()


def cores() -> int:
    """Cores that this process may use, by its affinity and its container's limit."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(granted) / int(period))))
    except (OSError, ValueError):  # no container, or one without a limit
        return allowed


def free_cores() -> int:
    """Cores that other programs leave free now, 1 at least; all of them where the system does not say (Linux does)."""
    running = []
    for _ in range(_LOOKS):
        found = _running(_STAT)
        if found is None:
            return cores()
        running.append(found)
        time.sleep(_PAUSE_S)
    others = sum(running) / len(running) - 1  # this thread
    return max(1, min(cores(), round((os.cpu_count() or 1) - others)))


def _running(stat: Path) -> int | None:
    """Number of threads on this machine that run or wait for a core."""
    try:
        words = stat.read_text(encoding="ascii").split()
        return int(words[words.index("procs_running") + 1])
    except (OSError, ValueError, IndexError):
        return None
