"""Compare how long marview, SimpleITK (if installed) and a plain read of the bytes take to read a series.

The table has the CPU time per slice in milliseconds for 300 slices of 512 x 512 pixels with a warm file cache, as the
median of five rounds, in which marview and the others alternate. Run: `python -m benchmarks.loading [folder]`.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from marview import dicom
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

SLICES = 300
ROUNDS = 5


def make_series(folder: Path) -> Path:
    """Write 300 slices of smooth anatomy with noise, in 12 bits and explicit little endian."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.7, 40, -1000).astype(np.float32)
    noise = rng.normal(0, 12, (512, 512)).astype(np.float32)
    hu = np.stack([np.roll(body + noise, z, axis=1) for z in range(SLICES)]).astype(np.int16)
    labels = Labels("BENCH^LOADING", "BENCH", "Loading", "300 slices")
    write_ct_series(hu, Grid.from_spacing(hu.shape, (1, 0.7, 0.7)), folder, labels)
    return folder


def core_ms(work: Callable[[], object]) -> float:
    """Return the CPU time of this process for one call, in ms."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1e3


def table(folder: Path) -> None:
    """Print the table for a folder of uncompressed slices."""
    files = sorted(folder.iterdir())
    memory = np.zeros((len(files), 512, 512), np.int16)  # allocated in advance, as in the window

    def open_and_read() -> None:
        kept = [path.read_bytes() for path in files]  # keeps the contents of all files, as a viewer does
        del kept

    def ours() -> None:
        (series,) = dicom.scan(folder).series
        dicom.read(series, allocate=lambda _shape, _dtype: memory)

    ways: dict[str, Callable[[], object]] = {"open and read": open_and_read, "marview: scan, check, read": ours}
    try:
        import SimpleITK as sitk  # type: ignore[import-not-found,unused-ignore]  # noqa: N813 - its own abbreviation
    except ImportError:
        print("SimpleITK is not installed, so its row is missing.")
    else:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        ways["SimpleITK: names, read"] = lambda: sitk.ReadImage(
            sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
        )
        ways["SimpleITK: read"] = lambda: sitk.ReadImage([str(path) for path in files])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            times[name].append(core_ms(work) / len(files))
    floor = statistics.median(times["open and read"])
    print(f"load {os.getloadavg()[0]:.1f}, {len(files)} slices of 512 x 512, CPU ms per slice")
    for name, values in times.items():
        print(f"{name:28} {statistics.median(values):6.2f}   {statistics.median(values) / floor:5.2f} x open and read")
    first: list[float] = []
    begin = time.perf_counter()
    (series,) = dicom.scan(folder).series
    dicom.read(series, allocate=lambda *_: memory, on_slice=lambda _: first.append(time.perf_counter() - begin))
    print(f"first slice after {first[0] * 1e3:.0f} ms, last after {first[-1] * 1e3:.0f} ms (wall)")


def main() -> None:
    """Measure with the given folder, or with a simulated series."""
    if len(sys.argv) > 1:
        table(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        table(make_series(Path(folder) / "series"))


if __name__ == "__main__":
    main()
