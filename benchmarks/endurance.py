"""Measure long use and large series: memory, threads, descriptors, shared arrays and response time of the window.

    python -m benchmarks.endurance soak [--rounds 400]
    python -m benchmarks.endurance large [--shape 1500 512 512]

Both commands use the real window, off-screen, and the real worker, on simulated series of a body with a rod. A round of
`soak` opens one of two small series, finds its metal, corrects it and drops the result. `large` opens one series and
corrects its ten slices with metal. Memory is the proportional set size, in which shared memory counts only once.
`answer` is the longest time between two ticks of a 10 ms timer in the window. `own` is the longest CPU time of the
window between two ticks, which does not depend on other programs.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.gui.app import application, make_window, show
from marview.gui.main_window import MainWindow
from marview.session.settings import Settings
from marview.threads import wait_passively

MB = 1e6
METHOD = "linear_interpolation"
_WITH_METAL = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["soak", "large"])
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--shape", nargs=3, type=int, default=[1500, 512, 512])
    asked = parser.parse_args()
    wait_passively(os.environ)
    application()
    with tempfile.TemporaryDirectory() as folder:
        if asked.what == "soak":
            soak(Path(folder), asked.rounds)
        else:
            large(Path(folder), (asked.shape[0], asked.shape[1], asked.shape[2]))


def soak(folder: Path, rounds: int) -> None:
    """Print the resources of the process twenty times."""
    series = [made_series(folder / name, (6, 96, 96), range(2, 3)) for name in ("one", "two")]
    with_window = window()
    print("| round | window MB | worker MB | threads | descriptors | shared arrays | own ms | load |")
    print("|---|---|---|---|---|---|---|---|")
    with Heart() as heart:
        for number in range(rounds + 1):
            reduce(with_window, series[number % 2])
            with_window.session.kept_results.close()
            if number % max(1, rounds // 20) == 0:
                workers = sum(pss(pid) for pid in children(os.getpid())) / MB
                held = [f"{pss(os.getpid()) / MB:.1f}", f"{workers:.1f}", *map(str, holdings())]
                print(f"| {number} | {' | '.join(held)} | {heart.own_ms:.0f} | {os.getloadavg()[0]:.1f} |", flush=True)
    end(with_window)


def large(folder: Path, shape: tuple[int, int, int]) -> None:
    """Print memory and response time of the window with a large series."""
    first = (shape[0] - _WITH_METAL) // 2
    series = made_series(folder / "large", shape, range(max(0, first), min(shape[0], max(0, first) + _WITH_METAL)))
    with_window = window()
    volume_mb = 2 * shape[0] * shape[1] * shape[2] / MB
    with Memory() as memory, Heart() as heart:
        started = time.perf_counter()
        reduce(with_window, series)
        seconds = time.perf_counter() - started
    print(f"{' x '.join(map(str, shape))}, int16 {volume_mb:.0f} MB, load {os.getloadavg()[0]:.1f}")
    print(f"peak, window {memory.window_mb:.0f} MB, with its workers {memory.all_mb:.0f} MB")
    print(f"1.5 times the volume and 400 MB: {1.5 * volume_mb + 400:.0f} MB")
    print(f"open, find metal and reduce: {seconds:.1f} s; answer {heart.answer_ms:.0f} ms, own {heart.own_ms:.0f} ms")
    end(with_window)


def made_series(folder: Path, shape: tuple[int, int, int], with_metal: range) -> Path:
    """Write a series of a noisy body that fills the slices, with a rod in some of them."""
    depth, rows, columns = shape
    y, x = np.mgrid[:rows, :columns]
    y, x = (y - rows / 2) / rows, (x - columns / 2) / columns
    body = np.where((x / 0.42) ** 2 + (y / 0.3) ** 2 < 1, 40, -1000).astype(np.int16)
    hu = np.empty(shape, np.int16)
    rng = np.random.default_rng(0)
    for z in range(depth):
        hu[z] = body + rng.integers(-10, 10, body.shape, np.int16)
        if z in with_metal:
            hu[z][np.hypot(x - 0.1, y) < 0.02] = 3000
    labels = Labels("TEST^ENDURANCE", "E1", "Endurance", folder.name)
    write_ct_series(hu, Grid.from_spacing(shape, (1.0, 400 / rows, 400 / columns)), folder, labels)
    return folder


def window() -> MainWindow:
    """Show a new window and draw it for the first time."""
    made = make_window(Settings())
    made.resize(1600, 1000)
    show(made)
    settle()
    return made


def settle() -> None:
    """Let the window draw its changes."""
    for _ in range(20):
        process_events()


def process_events() -> None:
    """Process events as a running event loop does, because otherwise Qt keeps objects after `deleteLater`."""
    QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def reduce(with_window: MainWindow, series: Path) -> None:
    """Open a series, find its metal and correct it; each step begins when the window has drawn the step before.

    Raises:
        RuntimeError: the run failed.
    """
    session = with_window.session
    session.open(series)
    wait_until(lambda: session.loaded is not None and session.loaded.series.path.is_relative_to(series))
    wait_until(lambda: session.metal.is_present and not session.refusal and not session.metal.is_busy)
    wait_until(lambda: session.methods.current is not None)
    session.methods.choose(METHOD)
    settle()
    session.reduce()
    wait_until(lambda: not session.runs.is_running)
    job = session.runs.job
    if job is None or job.sentence or not job.result.is_complete:
        raise RuntimeError("no run" if job is None else job.sentence)


def end(with_window: MainWindow) -> None:
    """Close the window without asking the user."""
    with_window.session.kept_results.close()
    with_window.close()


def wait_until(is_so: Callable[[], bool], seconds: float = 600) -> None:
    """Process events until `is_so()` is true.

    Raises:
        TimeoutError: it does not become true in time.
    """
    until = time.monotonic() + seconds
    while not is_so():
        process_events()
        time.sleep(0.001)
        if time.monotonic() > until:
            raise TimeoutError("the window did not reach the expected state")


class Heart:
    """Timer on the window's thread that measures how long the thread is blocked.

    Attributes:
        answer_ms: longest time between two beats.
        own_ms: longest CPU time of the thread between two beats.
    """

    def __init__(self) -> None:
        self.answer_ms = self.own_ms = 0.0
        self._at = self._own = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)

    def __enter__(self) -> Self:
        self._at, self._own = time.perf_counter(), time.thread_time()
        self._timer.start(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        at, own = time.perf_counter(), time.thread_time()
        self.answer_ms = max(self.answer_ms, 1000 * (at - self._at))
        self.own_ms = max(self.own_ms, 1000 * (own - self._own))
        self._at, self._own = at, own


class Memory:
    """Sampler that measures memory four times per second.

    Attributes:
        window_mb: peak memory of this process.
        all_mb: peak memory of this process and its children.
    """

    def __init__(self) -> None:
        self.window_mb = self.all_mb = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.25):
            own = pss(os.getpid()) / MB
            self.window_mb = max(self.window_mb, own)
            self.all_mb = max(self.all_mb, own + sum(pss(pid) for pid in children(os.getpid())) / MB)


def pss(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 once it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return 1024 * int(text.partition("\nPss:")[2].split()[0])


def children(pid: int) -> Iterator[int]:
    """Return all descendants of a process."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = file.read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in map(int, found):
            yield child
            yield from children(child)


def holdings() -> tuple[int, int, int]:
    """Return the number of threads, descriptors and mapped shared arrays of this process."""
    here = Path("/proc/self")
    arrays = sum("marview-scratch-" in line for line in (here / "maps").read_text(encoding="utf-8").splitlines())
    return sum(1 for _ in (here / "task").iterdir()), sum(1 for _ in (here / "fd").iterdir()), arrays


if __name__ == "__main__":
    main()
