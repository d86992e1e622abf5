"""Compute the first steps: NMAR, an iteration of the consistency loop, a metal estimate and a joint step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.methods.consistency import consistency_loop, model_of
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.physics import material
from marview.physics.attenuation import MU_WATER
from marview.physics.scan_model import Crossing, ScanModel

from .metal import choose_metal, first_share
from .parameters import Parameters
from .steps import Estimate, Scan, change_both, change_metal, compare, is_explained, is_light, joined, misfit, trusted

Tell = Callable[[float, str], None]
"""Function called with the finished fraction, 0 to 1, and the next step; it may raise an exception to end the run."""


@dataclass(frozen=True, eq=False)
class FirstStep:
    """Result of the first joint step.

    Attributes:
        scan: measured data and the scan model.
        estimate: tissue and metal after the step.
        is_trusted: whether a slice's rays through metal are used, bool `[slice]`.
        is_explained: whether the model explains a slice's rays through metal, bool `[slice]`.
        misfit: RMS residual in the trace, in units of its expected standard deviation, `[slice]`.
        crossing: line integrals of the materials; None if they have not been computed yet.
    """

    scan: Scan
    estimate: Estimate
    is_trusted: Tensor
    is_explained: Tensor
    misfit: Tensor
    crossing: Crossing | None

    def of_slice(self, number: int) -> "FirstStep":
        """Return the result for one slice."""
        part = slice(number, number + 1)
        return FirstStep(
            self.scan.of_slice(number),
            self.estimate.of_slice(number),
            self.is_trusted[part],
            self.is_explained[part],
            self.misfit[part],
            None if self.crossing is None else self.crossing.of_slice(number),
        )

    @classmethod
    def of_slices(cls, slices: Sequence["FirstStep"]) -> "FirstStep":
        """Combine the results of separate slices."""
        crossings = [each.crossing for each in slices if each.crossing is not None]
        return cls(
            Scan.of_slices([each.scan for each in slices]),
            joined([each.estimate for each in slices]),
            torch.cat([each.is_trusted for each in slices]),
            torch.cat([each.is_explained for each in slices]),
            torch.cat([each.misfit for each in slices]),
            joined(crossings) if len(crossings) == len(slices) else None,
        )


def first_step(
    case: MarCase,
    model: ScanModel,
    parameters: Parameters,
    tell: Tell = lambda _share, _text: None,
    completed: Tensor | None = None,
) -> FirstStep:
    """Perform the first joint step, and check in which slices the model explains the rays through metal.

    The step removes the residual caused by tissue; a residual caused by a wrong mask, alloy or spectrum
    remains.

    Args:
        case: case with a measured sinogram.
        model: model that simulates the scan.
        parameters: parameters of the run.
        tell: function called with the progress.
        completed: initial completed sinogram; None for NMAR's completed sinogram.
    """
    scan, before = begin(case, model, parameters, tell, completed)
    tell(0.5, "rays through metal")
    is_any_used = parameters.rays_through == "any metal"
    remainder = compare(scan, before)
    is_used = scan.metal.new_tensor([is_light(metal) or is_any_used for metal in scan.metals])
    after = change_both(scan, before, remainder, trusted(remainder, is_used))
    left = compare(scan, after)
    explained = is_explained(scan, left)
    crossing: Crossing | None = left.crossing
    is_trusted = is_used & (explained | is_any_used)
    if not torch.equal(is_trusted, is_used):
        after, crossing = change_both(scan, before, remainder, trusted(remainder, is_trusted)), None
    return FirstStep(scan, after, is_trusted, explained, misfit(left), crossing)


def begin(
    case: MarCase,
    model: ScanModel,
    parameters: Parameters,
    tell: Tell = lambda _share, _text: None,
    completed: Tensor | None = None,
) -> tuple[Scan, Estimate]:
    """Prepare the joint steps: run one iteration of the consistency loop, and estimate the metal.

    The arguments are the same as for `first_step`.
    """
    completed = completed_by_nmar(case, tell)[1] if completed is None else completed
    tell(0.2, "consistency loop")
    start = torch.where(case.metal, MU_WATER, case.projector.fbp(completed))
    tissue = loop(case, model, start, min(1, parameters.iterations), tell)
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


def completed_by_nmar(case: MarCase, tell: Tell) -> tuple[Tensor, Tensor]:
    """Return NMAR's prior image in 1/cm, `[slice, y, x]`, and its completed sinogram, `[slice, view, bin]`."""
    tell(0.0, "prior image")
    prior = nmar_prior(case, pause=lambda: tell(0.05, "prior image"))
    tell(0.1, "completing the sinogram")
    return prior, complete_normalized(case, case.projector.forward(prior), NmarSettings())


def scan_model(case: MarCase, parameters: Parameters) -> ScanModel:
    """Create the scan model for a case, with the chosen spectrum or the protocol's spectrum."""
    tube_kv = None if parameters.tube_kv == "auto" else int(parameters.tube_kv)
    return model_of(case, tube_kv, parameters.filtration_mm)


def loop(case: MarCase, model: ScanModel, start: Tensor, iterations: int, tell: Tell) -> Tensor:
    """Refine an image, `[slice, y, x]` in 1/cm, with the consistency loop (`marview.methods.consistency`).

    Each of at most `iterations` iterations adds the FBP of the residual between measured and simulated scan.
    """
    return consistency_loop(
        model,
        case.sinogram,
        case.trace,
        start,
        case.metal,
        iterations=iterations,
        pause=lambda iteration: tell(0.2 + 0.2 * iteration / iterations, "consistency loop"),
    )
