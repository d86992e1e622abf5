"""From a case with a measured sinogram to its image without metal: loop, metal, joint steps, loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.methods.consistency import consistency_loop, model_of
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.physics import Material, material
from marview.physics.attenuation import MU_WATER
from marview.physics.scan_model import Crossing, ScanModel

from .filtration import Filtered, find_filtration
from .metal import choose_metal, first_share
from .parameters import Parameters
from .steps import Estimate, Scan, change_both, change_metal, compare, is_explained, is_light, joined, trusted

Tell = Callable[[float, str], None]
"""Hears the share that is done, 0 to 1, and what comes next; it may raise to end the run."""


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The result of the reconstruction.

    Attributes:
        tissue: image without metal, 1/cm, `[slice, y, x]`.
        models: scan models that predict the measured scan, one a slice.
        copper_mm: thickness of copper in mm that the rays suggest beyond that of the parameters, one number a slice.
        metals: what the metal was taken for, one a slice; empty where it was not asked.
        is_trusted: slices whose rays through metal were used, one bool a slice.
        is_explained: slices whose rays through metal the model explains, one bool a slice.
    """

    tissue: Tensor
    models: Sequence[ScanModel]
    copper_mm: Sequence[float]
    metals: Sequence[Material]
    is_trusted: Sequence[bool]
    is_explained: Sequence[bool]

    def predicted(self) -> Tensor:
        """Predict the scan without metal, `[slice, view, bin]`."""
        pairs = zip(self.models, self.tissue, strict=True)
        return torch.cat([model.tissue(tissue[None]) for model, tissue in pairs])


def completed_by_nmar(case: MarCase, tell: Tell) -> tuple[Tensor, Tensor]:
    """NMAR's prior image in 1/cm, `[slice, y, x]`, and its completed sinogram, `[slice, view, bin]`."""
    tell(0.0, "prior image")
    prior = nmar_prior(case, pause=lambda: tell(0.05, "prior image"))
    tell(0.1, "completing the sinogram")
    return prior, complete_normalized(case, case.projector.forward(prior), NmarSettings())


def reconstruct(
    case: MarCase,
    parameters: Parameters,
    tell: Tell = lambda _share, _text: None,
    completed: Tensor | None = None,
) -> Reconstruction:
    """Find the image without metal whose predicted scan is the measured one.

    Args:
        case: with a measured sinogram.
        parameters: parameters of the run.
        tell: hears how far it is.
        completed: sinogram to begin with; NMAR's where None.
    """
    model = scan_model(case, parameters)
    completed = completed_by_nmar(case, tell)[1] if completed is None else completed
    if not parameters.steps or parameters.rays_through == "no metal":
        start = torch.where(case.metal, MU_WATER, case.projector.fbp(completed))
        tissue = _loop(case, model, start, parameters.iterations, tell)
        count = len(tissue)
        return Reconstruction(tissue, [model] * count, [0.0] * count, [], [False] * count, [False] * count)
    scan, estimate = begin(case, model, parameters, tell, completed)
    tell(0.5, "rays through metal")
    first = _first_step(scan, estimate, is_any_used=parameters.rays_through == "any metal")
    found, estimate = _refined(scan, first, parameters, tell)
    return Reconstruction(
        estimate.tissue,
        [filtered.scan.model for filtered in found],
        [filtered.asked_mm for filtered in found],
        scan.metals,
        first.is_trusted.tolist(),
        first.is_explained.tolist(),
    )


@dataclass(frozen=True, eq=False)
class _FirstStep:
    """The result of the first joint step.

    Attributes:
        estimate: tissue and metal after it.
        is_trusted: slices whose rays through metal are used, bool `[slice]`.
        is_explained: slices whose rays through metal the model explains, bool `[slice]`.
        crossing: what the rays cross, where it is known already.
    """

    estimate: Estimate
    is_trusted: Tensor
    is_explained: Tensor
    crossing: Crossing | None


def _first_step(scan: Scan, before: Estimate, *, is_any_used: bool) -> _FirstStep:
    """Make the first joint step, which also tells the slices whose rays through metal the model explains.

    What tissue leaves in the trace goes with the step; what a wrong alloy or spectrum leaves stays.
    """
    remainder = compare(scan, before)
    is_used = scan.metal.new_tensor([is_light(metal) or is_any_used for metal in scan.metals])
    after = change_both(scan, before, remainder, trusted(remainder, is_used))
    left = compare(scan, after)
    explained = is_explained(scan, left)
    is_trusted = is_used & (explained | is_any_used)
    if torch.equal(is_trusted, is_used):
        return _FirstStep(after, is_trusted, explained, left.crossing)
    after = change_both(scan, before, remainder, trusted(remainder, is_trusted))
    return _FirstStep(after, is_trusted, explained, None)


def _refined(scan: Scan, first: _FirstStep, parameters: Parameters, tell: Tell) -> tuple[list[Filtered], Estimate]:
    """Make the further joint steps; each slice finds its own filtration.

    All slices are projected and backprojected at once, which costs a fraction of one at a time.
    """
    estimate, is_trusted, crossing = first.estimate, first.is_trusted, first.crossing
    slices = range(len(estimate.tissue))
    found = [Filtered(scan.model, scan.of_slice(number)) for number in slices]
    for step in range(1, parameters.steps):
        tell(0.6 + 0.35 * (step - 1) / (parameters.steps - 1), "rays through metal")
        crossing = crossing or scan.model.crossing(estimate.tissue, estimate.share)
        estimates, remainders = [], []
        for number in slices:
            filtered, one = found[number], estimate.of_slice(number)
            remainder = compare(filtered.scan, one, crossing.of_slice(number))
            if parameters.finds_filtration and bool(is_trusted[number]):
                found[number], one, remainder = find_filtration(filtered, one, remainder)
            estimates.append(one)
            remainders.append(remainder)
            tell(0.6 + 0.35 * (step - 1 + (number + 1) / len(slices)) / (parameters.steps - 1), "rays through metal")
        remainder = joined(remainders)
        estimate, crossing = change_both(scan, joined(estimates), remainder, trusted(remainder, is_trusted)), None
    return found, estimate


def begin(
    case: MarCase,
    model: ScanModel,
    parameters: Parameters,
    tell: Tell = lambda _share, _text: None,
    completed: Tensor | None = None,
) -> tuple[Scan, Estimate]:
    """The start of the joint steps: one iteration of the loop, and the estimated metal.

    Arguments as of `reconstruct`.
    """
    completed = completed_by_nmar(case, tell)[1] if completed is None else completed
    tell(0.2, "consistency loop")
    start = torch.where(case.metal, MU_WATER, case.projector.fbp(completed))
    tissue = _loop(case, model, start, min(1, parameters.iterations), tell)
    tell(0.4, "metal")
    share = first_share(case.mu, case.metal)
    scan = Scan(model, case.sinogram, case.trace, case.metal, [], model.noise_variance(case.sinogram))
    crossing = model.crossing(tissue, share)
    if parameters.material == "auto":
        metals = choose_metal(model, crossing, case.sinogram, case.trace & ~scan.edge)
    else:
        metals = [material(parameters.material)] * len(share)
    scan = replace(scan, metals=metals)
    estimate = Estimate(tissue, share)
    return scan, change_metal(scan, estimate, compare(scan, estimate, crossing))


def scan_model(case: MarCase, parameters: Parameters) -> ScanModel:
    """The scan model of a case: with the spectrum that was asked for, or that of its named protocol."""
    tube_kv = None if parameters.tube_kv == "auto" else int(parameters.tube_kv)
    return model_of(case, tube_kv, parameters.filtration_mm)


def _loop(case: MarCase, model: ScanModel, start: Tensor, iterations: int, tell: Tell) -> Tensor:
    return consistency_loop(
        model,
        case.sinogram,
        case.trace,
        start,
        case.metal,
        iterations=iterations,
        pause=lambda iteration: tell(0.2 + 0.2 * iteration / iterations, "consistency loop"),
    )
