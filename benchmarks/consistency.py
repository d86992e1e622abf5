"""Print ablations of consistent completion: the consistency loop, and the use of rays through metal.

    python -m benchmarks.consistency [--slices 18 24 67 79] [--shapes 0 4 8] [--steps 1 2 3]
        [--protocol syndeeplesion-640] [--mismatched] [--material ti] [--stack validation.tif]

The cases are slices of ../shared/data/metal_free with shapes of metal from large (0) to small (9). The table has the
PSNR, on average and for each shape, the ring RMSE in HU, and the smallest gain in PSNR over deep sinogram completion.
The last two rows show the same scan without metal, reconstructed by one FBP, and by FBP and the loop. The benchmark
runs in this process on one thread.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.prior_bounds import DATA, HERE, FileJob
from marview.evaluation.case import KnownCase
from marview.evaluation.case_set import list_cases
from marview.evaluation.tables import markdown_table
from marview.methods.api import MarCase
from marview.methods.consistency import ITERATIONS, consistency_loop
from marview.metrics import measure_case
from marview.physics import MISMATCHED, Protocol, protocol
from marview.physics.attenuation import mu_to_hu
from marview.physics.scan_model import ScanModel
from marview.worker.cases import joined
from marview.worker.loading import load_method

DSC = "deep sinogram completion"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    arguments = _arguments()
    scan = protocol(arguments.protocol)
    listed = list_cases(
        DATA / "metal_free" / arguments.stack,
        scan,
        masks=DATA / "metal_masks" / "blobs_256.npz",
        material=arguments.material,
        scanner=MISMATCHED if arguments.mismatched else None,
    )
    found: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for number in arguments.slices:
        whole = listed[number].read()
        known = [whole.slice(shape) for shape in arguments.shapes]
        for title, hu in _rows(known, scan, arguments.steps):
            for shape, each, image in zip(arguments.shapes, known, hu, strict=True):
                [measured] = measure_case(image[None].numpy(), each.truth_hu, each.metal).slices
                found[title].append((shape, measured.psnr_db, measured.ring_rmse_hu))
        print(_table(found, arguments.shapes), flush=True)


def _table(found: dict[str, list[tuple[int, float, float]]], chosen: list[int]) -> str:
    lines = []
    for title, values in found.items():
        shapes, decibels, ring = (np.array(each) for each in zip(*values, strict=True))
        gains = decibels - np.array([value for _, value, _ in found[DSC]])
        by_shape = [f"{decibels[shapes == shape].mean():.2f}" for shape in chosen]
        lines.append([title, f"{decibels.mean():.2f}", *by_shape, f"{ring.mean():.0f}", f"{gains.min():+.2f}"])
    header = ["row", "PSNR dB", *(f"shape {each}" for each in chosen), "ring RMSE HU", "smallest gain dB"]
    return markdown_table(header, lines)


@torch.inference_mode()
def _rows(known: list[KnownCase], scan: Protocol, steps: list[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield the title and the images of each row, HU, `[slice, y, x]`."""
    case = joined([each.case for each in known], torch.device("cpu"))
    yield "NMAR", _run("nmar", case)
    weights = HERE / "plugins" / "deep_sinogram_completion" / "weights" / "bundled.safetensors"
    yield DSC, _run("deep_sinogram_completion", case, FileJob(weights))
    yield "NMAR + loop", _run("consistent_completion", case, rays_through="no metal")
    yield f"{DSC} + loop", _run("deep_sinogram_completion", case, FileJob(weights), loop_iterations=ITERATIONS)
    for count in steps:
        title = f"{count} joint step{'' if count == 1 else 's'}"
        yield (
            f"{title}, filtration as modelled",
            _run("consistent_completion", case, steps=count, finds_filtration=False),
        )
        yield title, _run("consistent_completion", case, steps=count)
    frees = [each.metal_free_sinogram for each in known if each.metal_free_sinogram is not None]
    free = torch.from_numpy(np.concatenate(frees))
    image = case.projector.fbp(free)
    yield "without metal: one FBP", mu_to_hu(image)
    model = ScanModel(case.projector, scan.spectrum, scan.scatter_photons / scan.photons)
    none = torch.zeros_like(case.metal)
    yield "without metal: FBP + loop", mu_to_hu(consistency_loop(model, free, none_of(free), image, none))


def none_of(sinogram: Tensor) -> Tensor:
    """Return a trace without rays."""
    return torch.zeros_like(sinogram, dtype=torch.bool)


def _run(method: str, case: MarCase, job: FileJob | None = None, **values: Any) -> Tensor:
    loaded = load_method(HERE / "plugins" / method)
    return loaded.method.run(case, loaded.parameters(values), job or FileJob()).hu


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", nargs="+", type=int, default=[18, 24, 67, 79])
    parser.add_argument("--shapes", nargs="+", type=int, default=[0, 4, 8])
    parser.add_argument("--steps", nargs="+", type=int, default=[3])
    parser.add_argument("--protocol", default="syndeeplesion-640")
    parser.add_argument("--mismatched", action="store_true")
    parser.add_argument("--material", default="ti")
    parser.add_argument("--stack", default="validation.tif")
    return parser.parse_args()


if __name__ == "__main__":
    main()
