"""The heap of a long-lived process stays bounded, and what is free goes back to the system."""

import subprocess
import sys

import pytest

WORK = """
import threading
from pathlib import Path
from marview.heap import bound_heap, give_back


def private_mb():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")) / 1024


bound_heap()
before = private_mb()
held = [[] for _ in range(24)]


def fill(blocks):
    blocks.extend(bytearray(50_000) for _ in range(60))


threads = [threading.Thread(target=fill, args=(blocks,)) for blocks in held]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
full = private_mb()
last = [blocks[-1] for blocks in held]  # what stays lies between what goes
held.clear()
give_back()
print(full - before, private_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc")
def test_what_threads_freed_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    full, left = map(float, done.stdout.split())
    assert full > 60
    assert left < 0.15 * full


def test_other_systems_leave_the_heap_alone(monkeypatch) -> None:
    from marview import heap

    heap._glibc.cache_clear()
    monkeypatch.setattr(heap.sys, "platform", "darwin")
    heap.bound_heap()
    heap.give_back()
    heap._glibc.cache_clear()
