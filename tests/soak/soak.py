"""Let one window work for many rounds: `python -m tests.soak.soak ROUNDS` prints its resource use.

A round opens one of two studies, finds its metal, reduces it and looks at the original and at the result; every
`ROUNDS_A_WINDOW` rounds the window is closed and another one opened in the same process.
"""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from tests import windows

SHAPE = (6, 64, 64)
ROUNDS_A_WINDOW = 50
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Figures:
    """Resource use of this process and its children after a round.

    Attributes:
        memory_mb: private memory of this process; libraries count once no other process shares them.
        children_mb: private memory of each child by its process id.
        threads: threads of this process.
        descriptors: open files of this process.
        blocks: shared memory files of this process.
    """

    memory_mb: float
    children_mb: Mapping[int, float]
    threads: int
    descriptors: int
    blocks: int

    @classmethod
    def now(cls) -> "Figures":
        """Return the present figures."""
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        me = Path("/proc/self")
        children = {child: _private_mb(Path(f"/proc/{child}")) for child in _children(os.getpid())}
        held = {folder for folder in SHARED_MEMORY.glob("marview-scratch-*") if _is_open_here(folder / "lock")}
        blocks = sum(1 for folder in held for _ in folder.iterdir())
        threads, descriptors = (sum(1 for _ in (me / part).iterdir()) for part in ("task", "fd"))
        return cls(_private_mb(me), children, threads, descriptors, blocks)

    @property
    def worker_mb(self) -> float:
        """Private memory of all children."""
        return sum(self.children_mb.values())


def _private_mb(process: Path) -> float:
    try:
        lines = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")) / 1024


def _children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return [one for child in found for one in (child, *_children(child))]


def _is_open_here(file: Path) -> bool:
    return any(os.path.realpath(one) == str(file) for one in Path("/proc/self/fd").iterdir())


def rounds(folder: Path, number: int) -> Iterator[Figures]:
    """Yield the figures after each round."""
    studies = [write_study(folder / name, name) for name in ("first", "second")]
    window = None
    for k in range(number):
        if window is None:
            window = windows.opened_window()
        windows.open_study(window, studies[k % 2])
        windows.reduce(window)
        session = window.session
        for active in ("original", session.view.display.active):
            session.view.update(active=active)
            QCoreApplication.processEvents()
        yield Figures.now()
        if (k + 1) % ROUNDS_A_WINDOW == 0:
            windows.close(window)
            window = None
    if window is not None:
        windows.close(window)


def growth(figures: Sequence[Figures]) -> list[str]:
    """Return the figures that grew from the round after the warm-up to the last ones, at equal rounds of a window."""
    if len(figures) < 3 * ROUNDS_A_WINDOW:
        return [f"{len(figures)} rounds tell nothing: {3 * ROUNDS_A_WINDOW} are the least"]
    first, last = figures[ROUNDS_A_WINDOW : 2 * ROUNDS_A_WINDOW], figures[-ROUNDS_A_WINDOW:]
    wrong = []
    for name, share in (("memory_mb", 0.05), ("worker_mb", 0.05), ("threads", 0), ("descriptors", 0), ("blocks", 0)):
        before, after = (median(getattr(one, name) for one in some) for some in (first, last))
        if after > before * (1 + share):
            wrong.append(f"{name} grew from {before:.1f} to {after:.1f}")
    return wrong


def write_study(folder: Path, name: str) -> Path:
    """A small study with a pin of metal."""
    hu = np.full(SHAPE, -1000, np.int16)
    y, x = np.mgrid[-32:32, -32:32] + 0.5
    hu[:, np.hypot(y, x) < 26] = 30
    hu[2, np.hypot(y, x - 10) < 3] = 8000
    grid = Grid.from_spacing(SHAPE, (3.0, 3.0, 3.0))
    write_ct_series(hu, grid, folder, Labels(f"SOAK^{name}", name, "A study", "A pin"), seed=name)
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="marview-soak-") as scratch:
        found = []
        for k, one in enumerate(rounds(Path(scratch), int(sys.argv[1]))):
            found.append(one)
            print(k, one, flush=True)
    wrong = growth(found)
    print(*wrong, f"{len(found)} rounds, {len(wrong)} figures grew", sep="\n")
    sys.exit(1 if wrong else 0)
