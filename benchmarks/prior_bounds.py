"""Measure the contribution of the prior image to deep sinogram completion, from NMAR's prior to the true image.

    python -m benchmarks.prior_bounds [--slices 10 30 50 70] [--shapes 0 2 4 6 8] [--weights FILE ...]

The cases are validation slices with shapes of metal from large to small in `syndeeplesion-640`. Each row fills the
trace with the sinogram of a prior plus its difference from the measured sinogram, interpolated across the trace. The
priors are NMAR's prior, from which PriorNet starts; the image of PriorNet with each weights file, as it is or reduced
to air, water and bone; and the truth, which is the best possible prior. LI, NMAR and the FBP ceiling are included for
comparison. The table has the PSNR, the number of cases in which a row is worse than NMAR, and the closed fraction of
the gap in mean squared error between NMAR and the ceiling. The benchmark runs in this process on one thread,
takes two seconds per case, and reads ../shared/data.
"""

import argparse
import importlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marview.evaluation.case import KnownCase
from marview.evaluation.case_set import list_cases
from marview.evaluation.tables import markdown_table
from marview.learning.weights import load_weights
from marview.methods.trace_completion import compose, interpolate_with_prior
from marview.metrics import primary
from marview.physics import protocol
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.worker.loading import load_method

HERE = Path(__file__).resolve().parents[1]
DATA = HERE.parent / "shared" / "data"


class FileJob:
    """Job that provides the weights of a file."""

    device = torch.device("cpu")
    log = logging.getLogger(__name__)

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            self._weights, about = load_weights(path)
            self._about = about.as_metadata()

    def progress(self, fraction: float, text: str = "") -> None:
        """Ignore progress."""

    def learning(self, fraction: float, text: str = "") -> None:
        """Ignore progress."""

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Ignore pictures."""

    def check_cancelled(self) -> None:
        """Never cancel."""

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return no neighbours."""
        return torch.empty(0), torch.empty(0)

    def beside(self, slice_index: int, reach: int) -> Tensor:  # noqa: ARG002
        """Return no slices."""
        return torch.empty(0)

    def weights(self, file: str) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the weights or the metadata in the file."""
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:  # noqa: ARG002
        """Return the weights or the metadata in the file."""
        return self._about


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    arguments = _arguments()
    found: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for shape, known in cases(arguments.slices, arguments.shapes):
        for title, error in _errors(known, arguments.weights):
            found[shape][title].append(error)
    titles = list(next(iter(found.values())))
    lines = []
    for title in titles:
        groups = [{each: np.mean(errors) for each, errors in found[shape].items()} for shape in arguments.shapes]
        together = {each: np.mean([group[each] for group in groups]) for each in titles}
        decibels = np.mean([-10 * np.log10(error) for shape in arguments.shapes for error in found[shape][title]])
        shares = [_closed(group, title) for group in [together, *groups]]
        worse = sum(np.sum(np.array(each[title]) > np.array(each["NMAR"])) for each in found.values())
        lines.append([title, f"{decibels:.2f}", str(worse), *shares])
    print(
        markdown_table(
            ["row", "PSNR dB", "worse than NMAR", "all", *(f"shape {each}" for each in arguments.shapes)], lines
        )
    )


def _closed(errors: dict[str, Any], title: str) -> str:
    return f"{(errors['NMAR'] - errors[title]) / (errors['NMAR'] - errors['FBP ceiling']):+.1%}"


def cases(slices: list[int], shapes: list[int]) -> Iterator[tuple[int, KnownCase]]:
    """Yield shape and case for each shape in each slice."""
    masks = DATA / "metal_masks" / "blobs_256.npz"
    listed = list_cases(DATA / "metal_free" / "validation.tif", protocol("syndeeplesion-640"), masks=masks)
    for number in slices:
        known = listed[number].read()
        for shape in shapes:
            yield shape, known.slice(shape)


@torch.inference_mode()
def _errors(known: KnownCase, weights: list[Path]) -> Iterator[tuple[str, float]]:
    """Return the mean squared error of each row by title."""
    case = known.case
    nmar, method = (load_method(HERE / "plugins" / name) for name in ("nmar", "deep_sinogram_completion"))
    network = importlib.import_module(f"{type(method.method).__module__.rpartition('.')[0]}.network")

    def error(hu: Tensor) -> float:
        score = primary(hu[0].numpy(), known.truth_hu[0], known.metal[0])
        return float(10 ** (-score.psnr_db / 10))

    def completed(prior: Tensor) -> float:
        joined = interpolate_with_prior(case.sinogram, case.projector.forward(prior), case.trace)
        return error(mu_to_hu(case.reconstruct(compose(joined, case.sinogram, case.trace))))

    yield "LI", error(mu_to_hu(case.li_mu))
    yield "NMAR", error(nmar.method.run(case, nmar.parameters({}), FileJob()).hu)
    yield "NMAR's prior of LI", completed(network.classes(case.li_mu, case.metal))
    for path in weights:
        title = f"{path.parent.name}/{path.stem}"
        for name, parameters in {title: {}, f"{title}, classes": {"prior": "tissue"}}.items():
            yield name, error(method.method.run(case, method.parameters(parameters), FileJob(path)).hu)
    yield "the truth as prior", completed(hu_to_mu(torch.from_numpy(known.truth_hu)))
    assert known.metal_free_sinogram is not None
    yield "FBP ceiling", error(mu_to_hu(case.projector.fbp(torch.from_numpy(known.metal_free_sinogram))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", nargs="+", type=int, default=[10, 30, 50, 70])
    parser.add_argument("--shapes", nargs="+", type=int, default=[0, 2, 4, 6, 8])
    parser.add_argument("--weights", nargs="+", type=Path, default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
