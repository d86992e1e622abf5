"""The heap of a long-lived process stays bounded, and free memory goes back to the system."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marview.heap import LARGE_PAGE, empty_in_large_pages

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
last = [blocks[-1] for blocks in held]  # blocks that stay lie between blocks that go
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


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2048, 2048), np.uint8), ((3, 700, 900), np.int16), ((1500, 1501), "f8")]
)
def test_a_large_array_begins_at_a_large_page(shape, dtype) -> None:
    made = empty_in_large_pages(shape, dtype)
    assert (made.shape, made.dtype) == (shape, np.dtype(dtype))
    assert made.ctypes.data % LARGE_PAGE == 0
    made[...] = 7
    assert (made == 7).all()
    assert made.flags.c_contiguous
    assert made.flags.writeable


def test_a_small_array_takes_no_more_than_its_size() -> None:
    made = empty_in_large_pages((100, 100), np.float32)
    assert made.shape == (100, 100)
    assert made.base is None


@pytest.mark.skipif(sys.platform != "linux", reason="faults are counted by Linux")
def test_large_pages_are_fewer() -> None:
    """The first touch of each page costs the system's time; without large pages there are 2,048 of them."""
    resource = pytest.importorskip("resource")
    if "[never]" in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii"):
        pytest.skip("this system has no large pages")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    empty_in_large_pages((2048, 2048), np.int16)[...] = 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1024
