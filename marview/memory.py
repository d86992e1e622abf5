"""Memory of this machine."""

import ctypes
import os
import sys
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")
_UNKNOWN_BYTES = 8 * 2**30


def total_bytes() -> int:
    """Return the physical memory of the machine in bytes; 8 GB if the system does not say."""
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        is_known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if is_known else _UNKNOWN_BYTES
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_bytes() -> int:
    """Return the memory in bytes that the machine, or the container of this process, has."""
    try:
        limit = _LIMIT.read_text(encoding="ascii").strip()
        return min(total_bytes(), int(limit))
    except (OSError, ValueError):  # no container, or no limit
        return total_bytes()
