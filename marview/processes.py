"""Find out whether a process on this machine is still running, and whether its id was reused."""

import contextlib
import os
from pathlib import Path

_ENDED = "ZX"
"""States of processes that have ended, but whose parent has not read their exit status yet."""


def is_alive(process: int) -> bool:
    """Return whether a process is running; also True if the system cannot tell."""
    if os.name != "posix":
        return True  # on Windows, os.kill would end the process
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    state = _facts(process)[:1]
    return not state or state[0] not in _ENDED


def started(process: int) -> str:
    """Return the start time of a process, to distinguish it from a later process with the same id; empty if unknown."""
    facts = _facts(process)
    return facts[19] if len(facts) > 19 else ""


def _facts(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat, starting with the process state; empty if the file cannot be read."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return []
