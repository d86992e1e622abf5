"""Measure the near-hip network on held-out slices of one patient and of several (Experiments 1 and 2 of the paper).

    python -m benchmarks.near_hip --output DIR [--steps 1500] [--start nmar] [--patients 1 5]

Simulated hip prostheses are placed in the only pelvis among the training scans. Their metal masks are rotated, scaled
and shifted, and placed on 33 neighbouring slices of each patient. Every third of these slices is a test slice with the
masks of another prosthesis. The network is trained on the other 22, except every fifth of them, on which its error is
measured in the run. As in the paper, the metal trace is filled with the largest value of the sinogram before the
correction. The sinogram has no beam hardening, and only the noise of the original scan. Images are in units of water
and include the metal; the peak value for PSNR and SSIM is the largest value of the truth. Results are stored in DIR.
"""

import argparse
import csv
import importlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from marview.evaluation.tables import markdown_table
from marview.learning.api import Pairs
from marview.physics.attenuation import MU_WATER
from marview.physics.implants import place, rasterize
from marview.slices.clean import list_clean
from marview.worker.loading import load_method

HERE = Path(__file__).resolve().parents[1]
DATA = HERE.parent / "shared" / "data" / "metal_free"
PATIENTS = ("patient-000", "patient-034", "patient-033", "patient-035", "patient-002")
SLICES, HELD_OUT = 33, 3
SPACING_MM = 4.25
PIXEL_MM = 0.9
"""Field of view in mm of slices for which the index gives no pixel size."""

PUBLISHED = {
    1: [("before", 6.623e-2, 20.793, 0.3514), ("after", 3.564e-4, 40.990, 0.9473)],
    5: [("before", 6.271e-2, 21.438, 0.4329), ("after", 2.324e-4, 36.915, 0.9094)],
}
TITLES = {
    "before": "largest value in the trace",
    "li": "linear interpolation",
    "nmar": "NMAR's completion",
    "after": "near-hip network",
    "ceiling": "the metal-free sinogram",
}


def main() -> None:
    """Print a table for each number of patients."""
    arguments = _arguments()
    for count in arguments.patients:
        path = arguments.output / f"patients_{count}_steps_{arguments.steps}_{arguments.start}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(experiment(count, arguments.steps, arguments.start)), encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8"))
        print(f"\n**{count} patient{'s' * (count > 1)}**, load {found['load']:.1f}. {found['words']}\n")
        lines = [[TITLES[name], *_numbers(np.mean(found[name], axis=0))] for name in TITLES]
        lines += [[f"published, {name}", *_numbers(numbers)] for name, *numbers in PUBLISHED.get(count, [])]
        print(markdown_table(["image", "MSE", "PSNR dB", "SSIM"], lines))


def experiment(count: int, steps: int, start: str) -> dict[str, Any]:
    """Train on some patients; return MSE, PSNR and SSIM of each held-out slice, by row, and a description."""
    near_hip = load_method(HERE / "plugins" / "near_hip")
    package = type(near_hip.method).__module__.rpartition(".")[0]
    learned_, patient, network = (
        importlib.import_module(f"{package}.{name}") for name in ("learned", "patient", "network")
    )
    # the bundled weights were trained on these patients
    chosen = {"begin": "nothing", "learning_rate": 3e-3, "steps": steps, "minutes": 60, "start": start}
    parameters: Any = near_hip.parameters(chosen)
    bodies = [_body(name) for name in PATIENTS[:count]]
    pelvis, edge_mm = _body(PATIENTS[0])
    learning, unseen = (_metal(pelvis, edge_mm, side) for side in ("hip-left", "hip-right"))
    groups: list[tuple[Any, Any, float]] = []
    for hu, field_mm in bodies:
        held = torch.arange(len(hu)) % HELD_OUT == 1
        scan = patient.SmallScan(parameters.size_px, parameters.views, field_mm)
        scale = patient.brightness(hu) if count > 1 else 1.0
        scaled = (hu + 1000) * scale - 1000
        groups.append(
            (patient.Patient.of(scan, scaled[~held], learning), patient.Patient.of(scan, scaled[held], unseen), scale)
        )
    began = time.process_time()
    learned = learned_.learn(tuple(group[0] for group in groups), parameters, _Job())
    minutes = (time.process_time() - began) / 60
    rows: dict[str, list[list[float]]] = {name: [] for name in TITLES}
    chance = torch.Generator().manual_seed(1)
    for _, test, scale in groups:
        for index in range(len(test.clean_mu)):
            mask = patient.changed_mask(test, index, chance)[None]
            for name, image in _images(network, learned.network, parameters.start, test, index, mask):
                rows[name].append(_measured(image / scale, test.clean_mu[index] / scale))
    words = f"{learned.words} {minutes:.1f} minutes of CPU time; {len(rows['after'])} slices held out."
    return {"words": words, "load": os.getloadavg()[0], **rows}


@torch.no_grad()
def _images(
    network: Any, learned: Any, start: str, test: Any, index: int, mask: Tensor
) -> Iterator[tuple[str, Tensor]]:
    projector, free = test.scan.projector, test.sinograms[index : index + 1]
    trace = projector.trace(mask)
    one = Pairs(test.clean_mu[index : index + 1], mask, network.brightened(free, trace), free, trace, projector)
    begun = network.start_of(one.case(), start, network.FROM_LI)
    said = network.completed(learned, network.planes(one.sinogram, trace, begun, test.scan.unit), begun, test.scan.unit)
    completions = {
        "before": one.sinogram,
        "li": one.li_sinogram,
        "nmar": network.start_of(one.case(), "nmar", network.FROM_LI),
        "after": torch.where(trace, said, free),
        "ceiling": free,
    }
    for name, sinogram in completions.items():
        yield name, projector.fbp(sinogram)[0]


def _measured(image: Tensor, truth: Tensor) -> list[float]:
    ours, wanted = ((each / MU_WATER).numpy() for each in (image, truth))
    peak, error = float(wanted.max()), float(np.mean((ours - wanted) ** 2))
    ssim = structural_similarity(ours, wanted, data_range=peak)  # type: ignore[no-untyped-call]
    return [error, 10 * float(np.log10(peak**2 / error)), float(ssim)]


def _body(name: str) -> tuple[Tensor, float]:
    """Return up to 33 neighbouring slices of a patient, the lowest or middle ones, HU, and the field of view in mm."""
    with (DATA / "index.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["patient"] == name]
    first = 0 if name == PATIENTS[0] else max(0, (len(rows) - SLICES) // 2)
    chosen = rows[first : first + SLICES]
    listed = list_clean(DATA / chosen[0]["file"])
    hu = np.stack([listed[int(row["page"])].read() for row in chosen])
    return torch.from_numpy(hu), float(chosen[0]["pixel_mm"] or PIXEL_MM) * hu.shape[-1]


def _metal(hu: Tensor, edge_mm: float, name: str) -> Tensor:
    """Return the masks of a prosthesis in the slices that contain it, bool, `[mask, y, x]`."""
    pixel_mm = edge_mm / hu.shape[-1]
    spacing_mm = (SPACING_MM, pixel_mm, pixel_mm)
    axes: list[NDArray[np.float32]] = [
        ((np.arange(size) - (size - 1) / 2) * step).astype(np.float32)
        for size, step in zip(hu.shape, spacing_mm, strict=True)
    ]
    shares = rasterize(place(name, hu.numpy(), spacing_mm), (axes[0], axes[1], axes[2]))
    metal = np.maximum.reduce(list(shares.values())) > 0.5
    return torch.from_numpy(metal[metal.any(axis=(1, 2))])


class _Job:
    device = torch.device("cpu")

    def progress(self, fraction: float, text: str = "") -> None: ...

    def learning(self, fraction: float, text: str = "") -> None: ...

    def check_cancelled(self) -> None: ...


def _numbers(values: Any) -> list[str]:
    error, decibels, ssim = values
    return [f"{error:.3e}", f"{decibels:.2f}", f"{ssim:.4f}"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--start", choices=["nmar", "li", "nothing"], default="nmar")
    parser.add_argument("--patients", type=int, nargs="+", default=[1, 5])
    return parser.parse_args()


if __name__ == "__main__":
    main()
