"""Measure how much image-domain methods change slices without metal, which they should leave unchanged.

    python -m benchmarks.image_domain --method residual_unet adn [--slices 80] [--protocol adn-256] [--marked]

The method corrects each validation slice unchanged, and after a simulated scan with the protocol (FBP of the noisy
sinogram). It may bring the second image closer to the original slice, because it also removes blur and noise. With
--marked, a corner of each slice is marked as metal, so that methods that skip slices without metal correct the slice;
the result is the change far from metal. Reads ../shared/data.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from marview.evaluation.case import KnownCase
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.tables import markdown_table
from marview.methods.api import MarCase
from marview.physics import Protocol, protocol, simulate
from marview.physics.attenuation import mu_to_hu
from marview.slices.body import body_of
from marview.slices.clean import fit, list_clean

CLEAN = Path(__file__).resolve().parents[2] / "shared" / "data" / "metal_free" / "validation.tif"
SOFT_HU = (-175.0, 275.0)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", required=True)
    parser.add_argument("--slices", type=int, default=80)
    parser.add_argument("--protocol", default="adn-256")
    parser.add_argument("--marked", action="store_true", help="mark a corner of each slice as metal")
    asked = parser.parse_args()
    everything = list_clean(CLEAN)
    chosen = everything[:: max(1, len(everything) // asked.slices)][: asked.slices]
    scan = protocol(asked.protocol)
    truth = np.stack([fit(each.read(), scan.shape) for each in chosen]).clip(-1000)
    simulation = simulate(truth, {"ti": np.zeros_like(truth)}, scan, seed=0)
    scanned = mu_to_hu(simulation.projector.fbp(simulation.metal_free_sinogram)).clamp(min=-1000).numpy()
    rows: dict[str, list[str]] = defaultdict(list)
    rows["uncorrected"] = ["0.0", "0.0", "0.0", f"{_rmse(scanned, truth):.1f}"]
    with WorkerMethods() as methods:
        for name in asked.method:
            entry = methods.entry(name)
            of_slices, of_scans = (
                methods(entry, _case(each, scan, is_marked=asked.marked), lambda _: None).hu - each
                for each in (truth, scanned)
            )
            inside = np.stack([body_of(each) for each in truth])
            soft = inside & (truth > SOFT_HU[0]) & (truth < SOFT_HU[1])
            rows[entry.title] = [
                f"{float(np.sqrt(np.square(of_slices[inside]).mean())):.1f}",
                f"{float(of_slices[soft].mean()):+.1f}",
                f"{float(np.quantile(np.abs(of_slices[inside]), 0.999)):.1f}",
                f"{_rmse(scanned + of_scans, truth):.1f}",
            ]
    print(f"{len(truth)} slices without metal, {scan.name}, HU within the body\n")
    header = [
        "method",
        "RMSE of the change",
        "mean in soft tissue",
        "99.9 % below",
        "RMSE of the scanned slice to the truth",
    ]
    print(markdown_table(header, [[name, *cells] for name, cells in rows.items()]))


def _case(hu: NDArray[np.float32], scan: Protocol, *, is_marked: bool) -> KnownCase:
    images = torch.from_numpy(hu)
    metal = torch.zeros_like(images, dtype=torch.bool)
    metal[:, 0, 0] = is_marked
    case = MarCase(
        hu=images,
        metal=metal,
        pixel_mm=scan.pixel_mm,
        beam=scan.beam,
        slice_indices=list(range(len(images))),
    )
    return KnownCase("clean", case, hu)


def _rmse(hu: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    inside = np.stack([body_of(each) for each in truth])
    return float(np.sqrt(np.square((hu - truth)[inside]).mean()))


if __name__ == "__main__":
    main()
