"""Estimate the beam filtration, because real spectra differ from the spectrum in the scan model."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from marview.physics import material
from marview.physics.scan_model import Crossing, ScanModel

from .steps import MOST_METAL, Estimate, Remainder, Scan, compare

MOST_MM = 0.4
"""Upper limit of the estimated copper in mm."""

SOFTER_MM = -0.05
"""Fitted copper in mm below which the beam counts as softer than the modelled beam. The estimate is then 0, because the
model contains no copper to remove."""

_TRIAL_MM = 0.1

_ABSORBED = 3.0
"""Factor on the fitted copper, because the metal fraction has already absorbed part of the effect as density."""

_DENSITY = 1.1
"""Factor on the corresponding change of the metal's density, because metal hardens the beam."""

_FEWEST_RAYS = 1000
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Filtered:
    """Scan of a slice with the current estimate of its beam filtration.

    Attributes:
        base: scan model without the estimated copper filter.
        scan: measured data and the scan model with the filtered beam.
        copper_mm: estimated thickness of copper in mm.
        asked_mm: thickness of copper in mm that fits the rays best; it may be outside the limits for
            `copper_mm`.
    """

    base: ScanModel
    scan: Scan
    copper_mm: float = 0.0
    asked_mm: float = 0.0


def find_filtration(
    filtered: Filtered, estimate: Estimate, remainder: Remainder
) -> tuple[Filtered, Estimate, Remainder]:
    """Fit the copper filtration and the metal's density to the residual in the trace of a slice.

    The fit can distinguish between them: a harder beam affects long and short paths through metal
    differently, whereas the density affects both in the same way. The fit is robust to outliers, because the
    residual also contains tissue errors.

    Args:
        filtered: scan with the current estimate of the copper thickness.
        estimate: current estimate of tissue and metal.
        remainder: residual of the estimate.

    Returns:
        The scan with the new copper thickness, the estimate with the fitted metal density, and the residual
        of the new estimate.
    """
    scan, rays = filtered.scan, remainder.is_told[0]
    if int(rays.sum()) < _FEWEST_RAYS:
        return filtered, estimate, remainder
    metal = scan.metals[0]
    crossing = remainder.crossing

    def predicted(model: ScanModel) -> Tensor:
        return model.read(model.through_metal(crossing, 0, rays, metal))

    measured, now, hardened = scan.sinogram[0][rays], predicted(scan.model), remainder.hardened[0][rays]
    trial = predicted(_behind(filtered.base, filtered.copper_mm + _TRIAL_MM)) - now
    more_mm = _ABSORBED * _TRIAL_MM * _fitted(measured - now, trial, hardened)
    asked_mm = filtered.copper_mm + more_mm
    copper_mm = min(max(asked_mm, 0.0), MOST_MM)
    model = _behind(filtered.base, copper_mm)
    density = 1 + _DENSITY * _fitted(measured - predicted(model), hardened)
    scan = replace(scan, model=model)
    estimate = Estimate(estimate.tissue, (estimate.share * density).clamp(max=MOST_METAL))
    denser = Crossing(crossing.water, crossing.bone, crossing.share * density)
    return Filtered(filtered.base, scan, copper_mm, asked_mm), estimate, compare(scan, estimate, denser)


def _behind(model: ScanModel, copper_mm: float) -> ScanModel:
    """Return a scan model whose beam is filtered by copper."""
    if not copper_mm:
        return model
    return replace(model, spectrum=model.spectrum.behind(material("cu"), copper_mm))


def _fitted(wanted: Tensor, *parts: Tensor) -> float:
    """Fit values `[ray]` with the parts and a constant, and return the factor of the first part.

    The fit uses least squares with Cauchy weights, so that rays that fit badly have little influence.
    """
    columns = torch.stack([*parts, torch.ones_like(wanted)], dim=1).double()
    wanted = wanted.double()
    weights = torch.ones_like(wanted)
    found = columns.new_zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        rooted = weights.sqrt()
        found = torch.linalg.lstsq(columns * rooted[:, None], wanted * rooted).solution
        errors = (wanted - columns @ found).abs()
        weights = 1 / (1 + (errors / (3 * errors.median() + 1e-6)).square())
    return float(found[0])
