"""Exit code of a benchmark that marview's errors can stop."""

import sys
from collections.abc import Callable

from marview.errors import MarviewError


def exit_code(work: Callable[[], None]) -> int:
    """Run a benchmark; print the error that stops it, and return its exit code, or 0 if there is none."""
    try:
        work()
    except MarviewError as reason:
        print(reason, file=sys.stderr)
        return reason.exit_code
    return 0
