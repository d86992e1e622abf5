"""Measure seconds per slice and peak memory of each method, for single slices and batches of sixteen, on two cores.

    python -m benchmarks.inference [--method nmar cnnmar ...] [--batch 1 16] [--threads 2] [--device cpu]

Each method and batch size is measured in a separate process after a first run, which compiles the kernels and reads the
weights. The benchmark times `run`, including the LI sinogram and the LI image, as the median of `--repeats`. Peak
memory is the largest memory of the process; the number in brackets is the part that was added by the runs. The slices
have 416 x 416 pixels and show a body with two rods; their sinogram has 640 views and is measured. A method that learns
from the scan trains in the first run, on slices with bones and without metal, and reuses the trained network.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.evaluation.tables import markdown_table
from marview.mar import discover, find_usable
from marview.methods.api import MarCase
from marview.physics import protocol
from marview.physics.attenuation import mu_to_hu
from marview.projection import Projector
from marview.worker.loading import LoadedMethod, load_method

if sys.platform != "win32":
    import resource


SCAN = "syndeeplesion-640"


@dataclass(frozen=True)
class Cost:
    """Cost of a method for a batch size: seconds per slice, peak memory in MB, and the memory added by the runs."""

    seconds: float
    peak_mb: float
    more_mb: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    if arguments.one:
        _measure_here(Path(arguments.one), arguments.batch[0], arguments.threads, arguments.device, arguments.repeats)
        return
    listings = discover()
    chosen = arguments.method or [each.id for each in listings if each.is_usable]
    header = ["method"]
    for batch in arguments.batch:
        header += [f"s a slice, {batch} at once", "peak MB"]
    lines = []
    for method in chosen:
        listing = find_usable(method, listings)
        assert listing.manifest is not None
        line = [listing.manifest.title]
        for batch in arguments.batch:
            cost = _measure(listing.folder, batch, arguments)
            line += (
                ["failed", ""] if cost is None else [f"{cost.seconds:.3f}", f"{cost.peak_mb:.0f} (+{cost.more_mb:.0f})"]
            )
        lines.append(line)
    print(markdown_table(header, lines))


def _measure(folder: Path, batch: int, arguments: argparse.Namespace) -> Cost | None:
    """Measure in a child process; print the reason to standard error and return None if the method failed."""
    words = [sys.executable, __file__, "--one", str(folder), "--batch", str(batch)]
    words += ["--threads", str(arguments.threads), "--device", arguments.device, "--repeats", str(arguments.repeats)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{folder.name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


class SilentJob:
    """Job that ignores all reports."""

    def __init__(self, loaded: LoadedMethod, case: MarCase) -> None:
        self.device = case.hu.device
        self.log = logging.getLogger("inference")
        self._loaded, self._case = loaded, case

    def progress(self, fraction: float, text: str = "") -> None:
        """Do nothing."""

    def learning(self, fraction: float, text: str = "") -> None:
        """Do nothing."""

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Do nothing."""

    def check_cancelled(self) -> None:
        """Do nothing, because the run is never cancelled."""

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        """Return bodies with bones at different positions, HU, and the metal of the case; both `[slice, y, x]`."""
        clean = np.stack([_body(bone_at=k) for k in range(count)])
        return mu_to_hu(torch.from_numpy(clean).to(self.device)), self._case.metal[:count]

    def beside(self, slice_index: int, reach: int) -> Tensor:  # noqa: ARG002
        """Return the first slice of the case repeatedly."""
        return self._case.hu[:1].repeat(2 * reach + 1, 1, 1)

    def weights(self, file: str) -> dict[str, Tensor]:
        """Return weights of the method."""
        return self._loaded.weights(file, str(self.device))

    def about_weights(self, file: str) -> dict[str, str]:
        """Return the metadata of that file."""
        return self._loaded.about_weights(file)


def _measure_here(folder: Path, batch: int, threads: int, device: str, repeats: int) -> None:
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    loaded = load_method(folder)
    case = made_case(batch, device)
    parameters, job = loaded.parameters({}), SilentJob(loaded, case)
    before = _peak_mb()
    loaded.method.run(case, parameters, job)
    seconds = []
    for _ in range(repeats):
        fresh = replace(case)  # without the cached sinogram and images of the last run
        _wait(device)
        started = time.perf_counter()
        loaded.method.run(fresh, parameters, job)
        _wait(device)
        seconds.append((time.perf_counter() - started) / batch)
    peak = _peak_mb()
    print(json.dumps(asdict(Cost(statistics.median(seconds), peak, peak - before))))


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def _from_centre() -> NDArray[np.float64]:
    height, width = protocol(SCAN).shape
    return np.mgrid[:height, :width] - (height - 1) / 2


def _body(bone_at: int | None = None) -> NDArray[np.float32]:
    """Make soft tissue with two bones at the given position, 1/cm, `[y, x]`."""
    y, x = _from_centre()
    body = np.where((x / (0.42 * x.shape[1])) ** 2 + (y / (0.3 * y.shape[0])) ** 2 < 1, 0.2, 0).astype(np.float32)
    if bone_at is not None:
        for side in (-1, 1):
            away = np.hypot(x - side * (40 + 4 * bone_at), y + 20 - 2 * bone_at)
            body[away < 24], body[away < 18] = 0.38, 0.25
    return body


def made_case(batch: int, device: str) -> MarCase:
    """Make a case of bodies with two rods, whose position differs from slice to slice."""
    scan = protocol(SCAN)
    y, x = _from_centre()
    rods = [(np.hypot(x - 60 - 3 * k, y) < 9) | (np.hypot(x + 70, y + 2 * k) < 6) for k in range(batch)]
    metal = torch.from_numpy(np.stack(rods)).to(device)
    projector = Projector(scan.beam, shape=scan.shape, pixel_mm=scan.pixel_mm)
    through = projector.forward(2.4 * metal.float())
    sinogram = projector.forward(torch.from_numpy(_body()).to(device)[None]) + 3 * torch.tanh(through / 3)
    hu = mu_to_hu(projector.fbp(sinogram)).clamp(min=-1000)
    return MarCase(hu, metal, scan.pixel_mm, scan.beam, list(range(batch)), sinogram, through > 0)


def _peak_mb() -> float:
    """Return the peak memory of this process in MB; not available on Windows."""
    if sys.platform == "win32":
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", default=[])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
