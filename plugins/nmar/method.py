"""Normalized metal artifact reduction (Meyer 2010)."""

from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.methods.api import Job, MarCase, MarResult
from marview.physics.attenuation import MU_WATER, mu_to_hu
from marview.projection import fill_linear

from .prior import prior_image


class Parameters(BaseModel):
    """Parameters of NMAR."""

    prior_source: Literal["auto", "raw", "linear_interpolation"] = Field(
        "auto",
        title="Prior from",
        description="The image the prior is made of: the uncorrected one (NMAR1, for mild artifacts) or the linear "
        "interpolation (NMAR2); auto takes the uncorrected one for slices where metal hides or attenuates little.",
    )
    raw_below: float = Field(
        2.0,
        ge=0,
        le=100,
        title="Uncorrected below",
        description="With auto, slices whose trace covers less than this share take the uncorrected image.",
        json_schema_extra={"unit": "%", "step": 0.5, "advanced": True},
    )
    mild_below: float = Field(
        0.3,
        ge=0,
        le=10,
        title="Mild below",
        description="With auto, slices in whose trace metal adds less than this to the mean line integral take the "
        "uncorrected image: thin wires leave fewer streaks than the interpolation across them.",
        json_schema_extra={"step": 0.05, "advanced": True},
    )
    smoothing_px: float = Field(
        1.0,
        ge=0,
        le=5,
        title="Smoothing",
        description="Sigma of the Gaussian that smooths the prior's source; 0 leaves it as it is.",
        json_schema_extra={"unit": "px", "step": 0.25, "advanced": True},
    )
    has_lung: bool = Field(
        default=True,
        title="Keep lung",
        description="What lies between -900 and -500 HU keeps its value in the prior, as bone does; off, it becomes "
        "air or soft tissue, as published.",
        json_schema_extra={"advanced": True},
    )
    bone_from_hu: float = Field(
        200.0,
        ge=0,
        le=1500,
        title="Bone from",
        description="What is denser keeps its value in the prior; the classes found may set a higher limit.",
        json_schema_extra={"unit": "HU", "step": 25, "advanced": True},
    )
    least_prior: float = Field(
        0.05,
        gt=0,
        le=1,
        title="Least line integral",
        description="Rays of which the prior attenuates less are not normalized.",
        json_schema_extra={"step": 0.01, "advanced": True},
    )
    largest_ratio: float = Field(
        5.0,
        ge=1,
        le=100,
        title="Largest ratio",
        description="The normalized sinogram is held between one by this and this.",
        json_schema_extra={"step": 0.5, "advanced": True},
    )


class Nmar:
    """Interpolates the sinogram divided by that of a prior image, so that what is interpolated is nearly flat."""

    Parameters = Parameters

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case."""
        assert isinstance(parameters, Parameters)
        job.progress(0.1, "prior image")
        source = prior_source(case, parameters)
        job.check_cancelled()
        prior = prior_image(
            source,
            case.metal,
            parameters.smoothing_px,
            MU_WATER * (1 + parameters.bone_from_hu / 1000),
            has_lung=parameters.has_lung,
        )
        prior_hu = mu_to_hu(prior)
        for k, picture in zip(case.slice_indices, prior_hu, strict=True):
            job.output("prior", k, picture)
        job.check_cancelled()
        job.progress(0.5, "completing the sinogram")
        corrected = complete(case, case.projector.forward(prior), parameters)
        job.check_cancelled()
        job.progress(0.8, "reconstructing")
        return MarResult.from_sinogram(case, corrected, prior_hu)


def prior_source(case: MarCase, parameters: Parameters) -> Tensor:
    """The image the prior is made of, in 1/cm, `[slice, y, x]`."""
    is_raw = torch.full((len(case.hu),), parameters.prior_source == "raw", device=case.hu.device)
    if parameters.prior_source == "auto":
        is_raw = is_mild(case, parameters)
    if bool(is_raw.all()):
        return case.mu
    return torch.where(is_raw[:, None, None], case.mu, case.li_mu)


def is_mild(case: MarCase, parameters: Parameters) -> Tensor:
    """Slices whose metal hides or attenuates little, bool, `[slice]`; the uncorrected image is a good source there."""
    covered = case.trace.float().mean(dim=(1, 2)) * 100
    added = (case.sinogram - case.li_sinogram).sum(dim=(1, 2)) / case.trace.sum(dim=(1, 2)).clamp(min=1)
    return (covered < parameters.raw_below) | (added < parameters.mild_below)


def complete(case: MarCase, prior_sinogram: Tensor, parameters: Parameters) -> Tensor:
    """The sinogram with its trace filled after normalization by the prior's, `[slice, view, bin]`."""
    is_normal = prior_sinogram >= parameters.least_prior
    ratio = case.sinogram / prior_sinogram.clamp(min=parameters.least_prior)
    ratio = ratio.clamp(1 / parameters.largest_ratio, parameters.largest_ratio)
    ratio = torch.where(is_normal, ratio, 1.0)
    filled = fill_linear(ratio, case.trace) * prior_sinogram
    filled = torch.where(is_normal, filled, case.li_sinogram)
    return torch.where(case.trace, filled, case.sinogram)
