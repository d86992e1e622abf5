"""List the devices of this computer with their free memory, and choose the device for a run."""

import sys
from pathlib import Path
from typing import Any

import torch

from marview.errors import UsageError
from marview.mar.manifest import Manifest
from marview.memory import total_bytes
from marview.text import count
from marview.threads import settle_threads


def list_devices() -> list[dict[str, Any]]:
    """List all devices, each with its name ("cpu", "cuda:0"), title, free_mb and total_mb."""
    free, total = memory_mb(torch.device("cpu"))
    title = f"CPU, {count(torch.get_num_threads(), 'thread')}"
    found = [{"name": "cpu", "title": title, "free_mb": free, "total_mb": total}]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = memory_mb(torch.device("cuda", index))
            title = torch.cuda.get_device_name(index)
            found.append({"name": f"cuda:{index}", "title": title, "free_mb": free, "total_mb": total})
    return found


def use_free_threads() -> None:
    """Set the number of threads to the number of free cores; call this at the start of a run.

    Raises:
        UsageError: `MARVIEW_THREADS` is not a positive whole number.
    """
    torch.set_num_threads(settle_threads())


def choose_device(asked: str, manifest: Manifest) -> torch.device:
    """Choose the device for a run.

    Args:
        asked: device that the user chose: "auto", "cpu" or "cuda".
        manifest: manifest of the method.

    Raises:
        UsageError: the computer has no such device, or the method cannot run on it. marview never silently
            uses another device.
    """
    needs = manifest.device
    if asked == "cuda" and needs == "cpu":
        raise UsageError(f"The method {manifest.id} runs on the CPU only. Use --device cpu or auto.")
    if asked == "cpu" and needs == "cuda":
        raise UsageError(f"The method {manifest.id} needs a CUDA GPU and cannot run on the CPU.")
    has_cuda = torch.cuda.is_available()
    if (asked == "cuda" or needs == "cuda") and not has_cuda:
        who = f"The method {manifest.id} needs a CUDA GPU" if needs == "cuda" else "The run needs a CUDA GPU"
        raise UsageError(f"{who}, but PyTorch {torch.__version__} finds no such device on this machine.")
    return torch.device("cuda" if has_cuda and asked != "cpu" and needs != "cpu" else "cpu")


def memory_mb(device: torch.device) -> tuple[int, int]:
    """Return the free and total memory of a device in MB; free CPU memory is subject to process limits."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return free // 2**20, total // 2**20
    total = total_bytes()
    free = min(_available_bytes(total), *_room_under_limits(total))
    return max(0, free) // 2**20, total // 2**20


def _available_bytes(total: int) -> int:
    information = Path("/proc/meminfo")
    if information.is_file():
        for line in information.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return total // 2


def _room_under_limits(total: int) -> list[int]:
    """Return how many bytes this process may still allocate under its own limit and the limit of its container."""
    rooms = [total]
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            rooms.append(int(limit) - int((group / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError):
        pass
    if sys.platform == "linux":
        import resource

        limit_bytes = resource.getrlimit(resource.RLIMIT_DATA)[0]
        if limit_bytes != resource.RLIM_INFINITY:
            status = Path("/proc/self/status").read_text(encoding="utf-8").partition("VmData:")[2]
            rooms.append(limit_bytes - int(status.split()[0]) * 1024)
    return rooms
