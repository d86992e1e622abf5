"""Reconstruct an image without metal from a measured sinogram."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.physics import Material
from marview.physics.attenuation import MU_WATER
from marview.physics.scan_model import ScanModel

from .filtration import Filtered, find_filtration
from .first_step import FirstStep, Tell, completed_by_nmar, first_step, loop, scan_model
from .mask_fit import MISFIT, fitted
from .parameters import Parameters
from .steps import Estimate, change_both, compare, joined, trusted


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Result of the reconstruction.

    Attributes:
        tissue: image without metal, 1/cm, `[slice, y, x]`.
        trace: metal trace used, bool, `[slice, view, bin]`.
        models: scan models, one per slice.
        copper_mm: estimated copper filtration in mm, one number per slice; it is added to the filtration
            set by the user.
        metals: assumed metal of each slice; empty if it was not estimated.
        is_trusted: whether rays through metal were used, one bool per slice.
        is_explained: whether the model explains the rays through metal, one bool per slice.
        changed_pixels: number of pixels that the fit added to or removed from the mask, one number per
            slice.
    """

    tissue: Tensor
    trace: Tensor
    models: Sequence[ScanModel]
    copper_mm: Sequence[float]
    metals: Sequence[Material]
    is_trusted: Sequence[bool]
    is_explained: Sequence[bool]
    changed_pixels: Sequence[int]

    def predicted(self) -> Tensor:
        """Simulate the scan of the image without metal, `[slice, view, bin]`."""
        pairs = zip(self.models, self.tissue, strict=True)
        return torch.cat([model.tissue(tissue[None]) for model, tissue in pairs])


def reconstruct(
    case: MarCase,
    parameters: Parameters,
    tell: Tell = lambda _share, _text: None,
    completed: Tensor | None = None,
) -> Reconstruction:
    """Reconstruct an image without metal that is consistent with the measured sinogram.

    Args:
        case: case with a measured sinogram.
        parameters: parameters of the run.
        tell: function called with the progress.
        completed: initial completed sinogram; None for NMAR's completed sinogram.
    """
    model = scan_model(case, parameters)
    completed = completed_by_nmar(case, tell)[1] if completed is None else completed
    if not parameters.steps or parameters.rays_through == "no metal":
        start = torch.where(case.metal, MU_WATER, case.projector.fbp(completed))
        tissue = loop(case, model, start, parameters.iterations, tell)
        count = len(tissue)
        no = [False] * count
        return Reconstruction(tissue, case.trace, [model] * count, [0.0] * count, [], no, no, [0] * count)
    first = first_step(case, model, parameters, tell, completed)
    if parameters.fits_mask:
        first = _with_fitted_masks(case, first, parameters, tell)
    found, estimate = _refined(first, parameters, tell)
    return Reconstruction(
        estimate.tissue,
        first.scan.trace,
        [filtered.scan.model for filtered in found],
        [filtered.asked_mm for filtered in found],
        first.scan.metals,
        first.is_trusted.tolist(),
        first.is_explained.tolist(),
        (first.scan.metal != case.metal).sum(dim=(1, 2)).tolist(),
    )


def _with_fitted_masks(case: MarCase, first: FirstStep, parameters: Parameters, tell: Tell) -> FirstStep:
    """Fit the masks of slices whose rays the first step does not explain."""

    def again(one: MarCase) -> FirstStep:
        return first_step(one, first.scan.model, parameters, lambda _share, _text: tell(0.5, "fitting the mask"))

    slices = [first.of_slice(number) for number in range(len(first.misfit))]
    for number, step in enumerate(slices):
        if float(step.misfit) > MISFIT:
            slices[number] = fitted(_slice_of(case, number), step, again)
    return FirstStep.of_slices(slices)


def _slice_of(case: MarCase, number: int) -> MarCase:
    part = slice(number, number + 1)
    return replace(
        case,
        hu=case.hu[part],
        metal=case.metal[part],
        slice_indices=case.slice_indices[part],
        measured_sinogram=case.sinogram[part],
        measured_trace=case.trace[part],
    )


def _refined(first: FirstStep, parameters: Parameters, tell: Tell) -> tuple[list[Filtered], Estimate]:
    """Do the remaining joint steps, and estimate the filtration of each slice.

    All slices are projected and backprojected together, which is much faster than one by one.
    """
    scan, estimate, is_trusted, crossing = first.scan, first.estimate, first.is_trusted, first.crossing
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
