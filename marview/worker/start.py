"""The entry point of a worker process, separate from `main` because that loads torch, which takes seconds.

A window that is killed in those seconds must not leave a process behind.
"""

import ctypes
import gc
import os
import select
import signal
import sys
from collections.abc import Sequence

from marview.heap import bound_heap

_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Bind this process to the life of the one that started it, then serve."""
    die_with_parent()
    bound_heap(maps_large=False)
    gc.disable()  # saves a fifth of the time to load torch; `main` enables it again
    from marview.worker.main import main as serve

    serve(arguments)


def die_with_parent() -> None:
    """Have the system kill this process when the thread that started it ends, however it ends; Linux only.

    If that thread has already ended, standard input is closed, and this process ends here.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    line = select.poll()
    line.register(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0, 0)
    if any(event & select.POLLHUP for _, event in line.poll(0)):
        os._exit(0)
