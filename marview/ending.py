"""End the program with an exit code and, unless it is 0, a message."""

import logging
import sys
from collections.abc import Callable

from marview.errors import BadInput, MarviewError
from marview.log_file import log_path
from marview.memory import NO_MEMORY, is_lack_of_memory
from marview.terminal import plain_output
from marview.threads import NO_THREAD, NoThread, can_start_threads, is_lack_of_threads

UNEXPECTED = 1
CANCELLED = 130
CANCELLED_SENTENCE = "cancelled; no incomplete files are left."

_log = logging.getLogger(__name__)


def ended(work: Callable[[], int]) -> int:
    """Call `work`, which runs the program, and return the exit code, even after an exception.

    A `MarviewError` has its own exit code. The exit code is 130 for Ctrl-C, 3 for an operating system error
    and 1 for an unexpected error. Details of the last two are logged.
    """
    with plain_output():
        return _ended(work)


def _ended(work: Callable[[], int]) -> int:
    try:
        return work()
    except MarviewError as refusal:
        return refuse(str(refusal), refusal.exit_code)
    except KeyboardInterrupt:
        if not can_start_threads():  # OpenBLAS, not the user, interrupted the process
            return refuse(NO_THREAD, NoThread.exit_code)
        return refuse(CANCELLED_SENTENCE, CANCELLED)
    except OSError as refusal:
        _log.exception("the system refused")
        if is_lack_of_threads(refusal) and not can_start_threads():  # otherwise a pipe was full
            return refuse(NO_THREAD, NoThread.exit_code)
        if is_lack_of_memory(refusal):
            return refuse(NO_MEMORY, UNEXPECTED)
        what = f"{refusal.filename} cannot be used" if refusal.filename else "The operating system reported an error"
        reason = (refusal.strerror or type(refusal).__name__).lower()
        return refuse(f"{what}: {reason}. {log_path()} contains the details.", BadInput.exit_code)
    except Exception as bug:  # noqa: BLE001 - the last resort
        _log.exception("not expected")
        if is_lack_of_threads(bug):
            return refuse(NO_THREAD, NoThread.exit_code)
        if is_lack_of_memory(bug):
            return refuse(NO_MEMORY, UNEXPECTED)
        name = type(bug).__name__
        return refuse(
            f"Something went wrong inside marview ({name}). Please report this error; {log_path()} contains the "
            f"details.",
            UNEXPECTED,
        )


def refuse(sentence: str, exit_code: int) -> int:
    """Print the reason on standard error and return the exit code."""
    print(f"marview: {sentence}", file=sys.stderr)  # noqa: T201
    return exit_code
