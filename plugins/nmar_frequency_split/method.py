"""NMAR that restores fine structure of the uncorrected image near the metal (based on Meyer 2012)."""

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from marview.methods.api import Job, MarCase, MarResult
from marview.methods.dense_metal import dense_slices
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.methods.tissue_prior import gaussian
from marview.physics.attenuation import mu_to_hu

_OF_DENSE = 0.5
"""Factor on the streak limit in clinical slices with dense metal, where fine streaks have less than 300 HU."""


class Parameters(NmarSettings):
    """Parameters of NMAR, and of the frequency split that combines its image with the uncorrected image."""

    split_mm: float = Field(
        3.8,
        gt=0,
        le=20,
        title="Split at",
        description="Sigma of the Gaussian filter that separates coarse structure from fine structure. Fine structure "
        "is taken from the uncorrected image.",
        json_schema_extra={"unit": "mm", "step": 0.2},
    )
    reach_mm: float = Field(
        15.0,
        gt=0,
        le=200,
        title="Reach",
        description="Distance from the metal at which the weight of the uncorrected image has fallen to 37 %.",
        json_schema_extra={"unit": "mm", "step": 1},
    )
    streak_hu: float = Field(
        300.0,
        gt=0,
        le=5000,
        title="Streak guard",
        description="Fine structure stronger than this counts as a streak and is not restored. Near metal denser than "
        "titanium, the limit is half of this value.",
        json_schema_extra={"unit": "HU", "step": 25, "advanced": True},
    )


class NmarFrequencySplit:
    """Method that combines NMAR's image with fine structure from the uncorrected image near metal."""

    Parameters = Parameters

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case."""
        assert isinstance(parameters, Parameters)
        job.progress(0.1, "prior image")
        prior = nmar_prior(case, parameters, job.check_cancelled)
        prior_hu = mu_to_hu(prior)
        for k, picture in zip(case.slice_indices, prior_hu, strict=True):
            job.output("prior", k, picture)
        job.check_cancelled()
        job.progress(0.5, "completing the sinogram")
        corrected = complete_nmar(case, case.projector.forward(prior), parameters)
        job.check_cancelled()
        job.progress(0.9, "frequency split")
        hu = split(case, mu_to_hu(case.reconstruct(corrected)), parameters)
        return MarResult(hu, prior_hu, corrected)


def split(case: MarCase, corrected_hu: Tensor, parameters: Parameters) -> Tensor:
    """Combine the corrected image's coarse structure with fine structure from both images.

    The result, `[slice, y, x]`, is in HU.
    """
    sigma_px = parameters.split_mm / case.pixel_mm
    share = torch.exp(-_distance_mm(case) / parameters.reach_mm)
    limit = torch.full_like(share[:, :1, :1], parameters.streak_hu)
    limit[dense_slices(case)] *= _OF_DENSE
    is_streak = _fine(case.hu, case.metal, sigma_px).abs() > limit
    share = torch.where(is_streak | case.metal, 0.0, share)
    return corrected_hu + share * _fine(case.hu - corrected_hu, case.metal, sigma_px)


def _fine(image: Tensor, metal: Tensor, sigma_px: float) -> Tensor:
    """Subtract the Gaussian mean over pixels without metal, so that metal edges do not count as detail."""
    outside = (~metal).to(image.dtype)
    mean = gaussian(image * outside, sigma_px) / gaussian(outside, sigma_px).clamp(min=1e-6)
    return image - mean


def _distance_mm(case: MarCase) -> Tensor:
    """Return the distance to metal in mm, `[slice, y, x]`; infinite in slices without metal."""
    distances = [
        distance_transform_edt(~metal) * case.pixel_mm if metal.any() else np.full(metal.shape, np.inf)
        for metal in case.metal.cpu().numpy()
    ]
    return torch.from_numpy(np.stack(distances)).to(case.hu)
