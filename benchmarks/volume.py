"""Measure the wall time for a whole volume with metal in each slice, in a warm worker on all cores.

    python -m benchmarks.volume [--slices 300] [--method linear_interpolation nmar]

The volume has slices of 512 x 512 pixels of 0.78 mm. It repeats the validation slices of ../shared/data, or else discs
of tissue, with two metal rods in each. Reading and writing are not included, and neither is the start of the worker,
because a small run comes first.
"""

import argparse
import os
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.mar import MarWorker, SharedArray, metal_of, reduce_request

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "metal_free" / "validation.tif"
SIZE, SPACING_MM = 512, (1.0, 0.78, 0.78)
TARGETS_S = {"linear_interpolation": 45, "nmar": 90}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--method", nargs="+", default=list(TARGETS_S))
    asked = parser.parse_args()
    hu, metal = volume(asked.slices)
    print(
        f"load before {', '.join(f'{load:.2f}' for load in os.getloadavg())}; {asked.slices} slices of {SIZE} x {SIZE}"
    )
    print("\n| method | wall s | target for 300 slices |\n|---|---|---|")
    with MarWorker() as worker:
        for method in asked.method:
            reduce(worker, method, hu[:2], metal[:2])
            taken = reduce(worker, method, hu, metal)
            target = f"<= {TARGETS_S[method]} s" if method in TARGETS_S else ""
            print(f"| {method} | {taken:.1f} | {target} |", flush=True)


def volume(count: int) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return HU and metal mask, `[slice, y, x]`."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    if DATA.exists():
        import tifffile

        pages = 2 * tifffile.imread(DATA).astype(np.float32) - 1024
        tissue = ndimage.zoom(pages[:count], (1, SIZE / pages.shape[1], SIZE / pages.shape[2]), order=1)
    else:
        tissue = np.where((x / 200) ** 2 + (y / 140) ** 2 < 1, 40.0, -1000.0)[None]
    hu = np.ascontiguousarray(np.resize(tissue, (count, SIZE, SIZE)), np.int16)
    metal = np.zeros(hu.shape, np.bool_)
    for k in range(count):
        for side in (-1, 1):
            metal[k] |= np.hypot(x - side * (60 + k % 20), y - 10) < 12
    hu[metal] = 3071
    return hu, metal


def reduce(worker: MarWorker, method: str, hu: NDArray[np.int16], metal: NDArray[np.bool_]) -> float:
    """Return the seconds of a run, from the request to the end."""
    with (
        SharedArray.copy_of(hu) as shared_hu,
        closing(reduce_request(method, shared_hu, metal_of(metal), spacing_mm=SPACING_MM)) as request,
    ):
        start = time.perf_counter()
        worker.reduce(request, lambda _message: None).wait().check()
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
