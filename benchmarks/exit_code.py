"""Convert errors of marview in a benchmark to a message and an exit code."""

import sys
from collections.abc import Callable

from marview.errors import MarviewError


def exit_code(work: Callable[[], None]) -> int:
    """Run a benchmark and return 0, or print the error that stopped it and return its exit code."""
    try:
        work()
    except MarviewError as reason:
        print(reason, file=sys.stderr)
        return reason.exit_code
    return 0
