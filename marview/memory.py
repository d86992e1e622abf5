"""Determine the memory size of this machine, and recognise out-of-memory errors."""

import ctypes
import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")
_UNKNOWN_BYTES = 8 * 2**30

NO_MEMORY = "There is not enough memory. Close other programs, or select fewer slices."

_SIGNS = (
    "MemoryError",
    "failed to map segment from shared object",
    "Could not find/load shared object file",
    "Cannot allocate memory",
)
"""Error texts of Python, the linker, llvmlite and the C library when memory cannot be allocated or mapped."""


def total_bytes() -> int:
    """Return the physical memory of the machine in bytes; 8 GB if the system does not report it."""
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        is_known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if is_known else _UNKNOWN_BYTES
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_bytes() -> int:
    """Return the memory of the machine in bytes, or the memory limit of the container if that is lower."""
    try:
        limit = _LIMIT.read_text(encoding="ascii").strip()
        return min(total_bytes(), int(limit))
    except (OSError, ValueError):  # no container, or no limit
        return total_bytes()


def is_lack_of_memory(bug: Exception) -> bool:
    """Return whether an exception was caused by a lack of memory, even if its message blames a library."""
    if isinstance(bug, MemoryError) or (isinstance(bug, OSError) and bug.errno == errno.ENOMEM):
        return True
    return isinstance(bug, OSError | ImportError) and tell_of_lacking_memory([str(bug)])


def tell_of_lacking_memory(words: Iterable[str]) -> bool:
    """Return whether the last lines of a process's output report that memory ran out."""
    return any(sign in line for line in words for sign in _SIGNS)
