"""Measure how well any completion of the metal trace could correct the demo studies, and where errors remain.

    python -m benchmarks.demo_bounds [--kind hip dental] [--every 1]

The benchmark fills the trace with the projections of the truth, the best possible prior, and interpolates their
difference from the measured projections across the trace. It does so for the automatic mask and for the true metal,
both grown by one pixel as in the clinical front end, on the grid of the study. The table gives the RMSE in
HU within 20 pixels of true metal, with images clipped to -1000 to 1604 HU, over all slices, as in `learned.py --part
demo`. It also gives three parts of the squared error: in pixels falsely marked as metal (which the front end leaves
unchanged), in other pixels within three pixels of metal, and farther away.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from marview.evaluation.case import KnownCase
from marview.evaluation.demo_cases import list_demo
from marview.evaluation.front_end_methods import FoundMetal
from marview.evaluation.tables import markdown_table
from marview.methods.api import MarCase
from marview.methods.trace_completion import grown
from marview.metrics import ring
from marview.metrics.ranges import PRIMARY
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import fill_linear

NEAR_PX = 3


@torch.no_grad()
def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", default=["hip", "dental"])
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    found: dict[str, FoundMetal] = {}
    lines = []
    for listed in list_demo(tuple(arguments.kind), found.__setitem__, arguments.every):
        known = listed.read()
        for title, hu, mask in _images(known, found[known.name].mask):
            error, shares = _in_ring(known, hu, mask)
            lines.append([known.name, title, f"{error:.1f}", *(f"{share:.0%}" for share in shares)])
    header = ["study", "image", "ring RMSE HU", "taken for metal", f"within {NEAR_PX} pixels", "farther"]
    print(markdown_table(header, lines))


def _images(known: KnownCase, found: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield the title, the image and the mask of each row."""
    yield "uncorrected", known.uncorrected_hu, found
    yield "LI", mu_to_hu(_with(known, found).li_mu).numpy(), found
    yield "the best prior, metal found", _best(known, found), found
    yield "the best prior, true metal", _best(known, known.metal), known.metal


def _best(known: KnownCase, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    case = _with(known, mask)
    prior = case.projector.forward(hu_to_mu(torch.from_numpy(known.truth_hu).clamp(min=-1000)))
    filled = torch.where(case.trace, fill_linear(case.sinogram - prior, case.trace) + prior, case.sinogram)
    return np.asarray(mu_to_hu(case.reconstruct(filled)).numpy())


def _with(known: KnownCase, mask: NDArray[np.bool_]) -> MarCase:
    case = known.case
    metal = torch.from_numpy(mask)
    trace = case.projector.trace(grown(metal))
    return MarCase(case.hu, metal, case.pixel_mm, case.beam, case.slice_indices, measured_trace=trace)


def _in_ring(known: KnownCase, hu: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[float, list[float]]:
    """Return the root mean square error in the ring of all slices, and the fractions of its parts."""
    parts = np.zeros(3)
    for k, metal in enumerate(known.metal):
        kept = np.where(mask[k], known.uncorrected_hu[k], hu[k])
        squares = (PRIMARY.clip(kept) - PRIMARY.clip(known.truth_hu[k])) ** 2
        around, near = ring(metal), distance_transform_edt(~metal) <= NEAR_PX
        for number, where in enumerate((mask[k], near & ~mask[k], ~near & ~mask[k])):
            parts[number] += squares[around & where].sum() / around.sum() / len(known.metal)
    return float(np.sqrt(parts.sum())), (parts / parts.sum()).tolist()


if __name__ == "__main__":
    main()
