"""Entry point of a worker process, separate from `main` so that it runs before the slow import of PyTorch.

The import takes seconds. If the window is killed during the import, the worker process must end too.
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
    """Handle requests, and end when the parent process ends."""
    die_with_parent()
    bound_heap(maps_large=False)
    gc.disable()  # shortens the import of PyTorch by a fifth; `main` enables it again
    from marview.worker.main import main as serve

    serve(arguments)


def die_with_parent() -> None:
    """Make the system kill this process when the thread that started it ends or crashes (Linux only).

    If standard input is closed, the thread has already ended, and this process exits immediately.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    line = select.poll()
    line.register(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0, 0)
    if any(event & select.POLLHUP for _, event in line.poll(0)):
        os._exit(0)
