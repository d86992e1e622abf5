"""Normalized MAR (Meyer 2010): settings, prior image and completion of the trace."""

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.methods.api import MarCase
from marview.methods.crowns import li_with_crowns
from marview.methods.tissue_prior import prior_image
from marview.physics.attenuation import MU_WATER
from marview.projection import fill_linear

_SATURATED_HU = 2900
"""If half of the metal's pixels reach this value, the metal reaches the end of a 12-bit scale or is denser. Wires, and
metal in coarse voxels, reach it with a few pixels only."""

_OF_SATURATED = 0.8
"""Factor on the limit *mild below* for such metal, which attenuates more than a clipped scale shows."""


class NmarSettings(BaseModel):
    """Settings of normalized MAR, with the defaults that the method `nmar` uses."""

    prior_source: Literal["auto", "raw", "linear_interpolation"] = Field(
        "auto",
        title="Prior from",
        description="Source of the prior image: the uncorrected image (NMAR1, for mild artifacts) or the image after "
        "linear interpolation (NMAR2); auto uses the uncorrected image in slices whose metal hides few "
        "rays or attenuates weakly.",
    )
    raw_below: float = Field(
        2.0,
        ge=0,
        le=100,
        title="Uncorrected below",
        description="With auto, the uncorrected image is used for slices whose metal trace covers less than this "
        "fraction of the sinogram.",
        json_schema_extra={"unit": "%", "step": 0.5, "advanced": True},
    )
    mild_below: float = Field(
        0.3,
        ge=0,
        le=10,
        title="Mild below",
        description="With auto, the uncorrected image is also used in slices whose metal adds less than this to the "
        "mean line integral of the trace, because thin wires cause fewer streaks than interpolating across them "
        "would. The limit is a fifth lower if half of the metal reaches 2900 HU, because 12-bit scales do not show "
        "how dense such metal is.",
        json_schema_extra={"step": 0.05, "advanced": True},
    )
    smoothing_px: float = Field(
        1.0,
        ge=0,
        le=5,
        title="Smoothing",
        description="Sigma of the Gaussian filter that smooths the source image of the prior; 0 for no smoothing.",
        json_schema_extra={"unit": "px", "step": 0.25, "advanced": True},
    )
    has_lung: bool = Field(
        default=True,
        title="Keep lung",
        description="Keep the values of pixels between -900 and -500 HU in the prior, as for bone. If off, these "
        "pixels become air or soft tissue, as in the paper.",
        json_schema_extra={"advanced": True},
    )
    bone_from_hu: float = Field(
        200.0,
        ge=0,
        le=1500,
        title="Bone from",
        description="In the prior, pixels above this value keep their HU. The k-means classes of the image may set a "
        "higher limit.",
        json_schema_extra={"unit": "HU", "step": 25, "advanced": True},
    )
    least_prior: float = Field(
        0.05,
        gt=0,
        le=1,
        title="Minimum line integral",
        description="Rays whose line integral in the prior is below this value are not normalized.",
        json_schema_extra={"step": 0.01, "advanced": True},
    )
    largest_ratio: float = Field(
        5.0,
        ge=1,
        le=100,
        title="Maximum ratio",
        description="Upper limit of the normalized sinogram. The lower limit is its reciprocal.",
        json_schema_extra={"step": 0.5, "advanced": True},
    )


def nmar_prior(case: MarCase, settings: NmarSettings | None = None, pause: Callable[[], None] = lambda: None) -> Tensor:
    """Create NMAR's prior image, in 1/cm, `[slice, y, x]`, for a case.

    Args:
        case: slices to correct.
        settings: settings of NMAR; None for the defaults.
        pause: function called between the steps, so that a run can be cancelled.
    """
    chosen = settings or NmarSettings()
    source = prior_source(case, chosen)
    pause()
    least_bone = MU_WATER * (1 + chosen.bone_from_hu / 1000)
    return prior_image(source, case.metal, chosen.smoothing_px, least_bone, has_lung=chosen.has_lung)


def prior_source(case: MarCase, settings: NmarSettings) -> Tensor:
    """Choose the image from which the prior image is created; return it in 1/cm, `[slice, y, x]`."""
    if settings.prior_source == "raw":
        return case.mu
    if settings.prior_source == "linear_interpolation":
        return case.li_mu
    is_raw = is_mild(case, settings)
    if bool(is_raw.all()):
        return case.mu
    return torch.where(is_raw[:, None, None], case.mu, li_with_crowns(case))


def is_mild(case: MarCase, settings: NmarSettings) -> Tensor:
    """Return whether artifacts are mild, bool `[slice]`: metal covers few rays, or it attenuates weakly."""
    covered = case.trace.float().mean(dim=(1, 2)) * 100
    added = (case.sinogram - case.li_sinogram).sum(dim=(1, 2)) / case.trace.sum(dim=(1, 2)).clamp(min=1)
    limit = torch.where(is_saturated(case), _OF_SATURATED * settings.mild_below, settings.mild_below)
    return (covered < settings.raw_below) | (added < limit)


def is_saturated(case: MarCase) -> Tensor:
    """Return whether at least half of the metal reaches the top of a 12-bit HU scale, bool `[slice]`."""
    reaches = (case.metal & (case.hu >= _SATURATED_HU)).sum(dim=(1, 2))
    return 2 * reaches >= case.metal.sum(dim=(1, 2)).clamp(min=1)


def complete_normalized(case: MarCase, prior_sinogram: Tensor, settings: NmarSettings) -> Tensor:
    """Divide the sinogram by the prior's sinogram, interpolate the quotient across the trace, and undo the division."""
    is_normal = prior_sinogram >= settings.least_prior
    ratio = case.sinogram / prior_sinogram.clamp(min=settings.least_prior)
    ratio = ratio.clamp(1 / settings.largest_ratio, settings.largest_ratio)
    ratio = torch.where(is_normal, ratio, 1.0)
    filled = fill_linear(ratio, case.trace) * prior_sinogram
    filled = torch.where(is_normal, filled, case.li_sinogram)
    return torch.where(case.trace, filled, case.sinogram)
