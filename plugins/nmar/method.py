"""Normalized metal artifact reduction (Meyer 2010)."""

from pydantic import BaseModel

from marview.methods.api import Job, MarCase, MarResult
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.physics.attenuation import mu_to_hu


class Parameters(NmarSettings):
    """Parameters of NMAR."""


class Nmar:
    """Method that divides the sinogram by a prior image's sinogram before interpolating across the trace."""

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
        job.progress(0.8, "reconstructing")
        return MarResult.from_sinogram(case, corrected, prior_hu)
