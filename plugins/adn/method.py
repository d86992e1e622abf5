"""ADN: separate an image from its metal artifact without sinogram and mask (Liao 2019)."""

import torch
from pydantic import BaseModel, Field

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult
from marview.physics.attenuation import MU_WATER

from .network import PART, Reduction, removed
from .settings import read_settings

WEIGHTS = "weights/bundled.safetensors"


class Parameters(BaseModel):
    """Parameters of ADN."""

    strength: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Strength",
        description="Share of the artifact image that is removed. Lower values keep more of the original image.",
        json_schema_extra={"step": 0.1},
    )


class Adn:
    """Subtracts the artifact image that the network finds in each slice."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            BadInput: the weights do not say which network they belong to.
            MethodFailed: the weights do not fit that network.
        """
        assert isinstance(parameters, Parameters)
        network = load(job)
        result = case.hu.clone()
        for number, index in enumerate(case.slice_indices or range(len(result))):
            job.check_cancelled()
            job.progress(number / len(result), "removing artifacts")
            artifact_mu = removed(network, case.mu[number : number + 1])[0]
            artifact_hu = parameters.strength * artifact_mu * (1000 / MU_WATER)
            result[number] -= artifact_hu
            job.output("artifact", index, artifact_hu)
        return MarResult(result, notes=warnings(case, job.about_weights(WEIGHTS)))


def load(job: Job) -> Reduction:
    """The part of the network that removes artifacts, on the job's device.

    Raises:
        BadInput: the weights do not say which network they belong to.
        MethodFailed: the weights do not fit that network.
    """
    settings = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    network = Reduction(
        settings.width, settings.blocks, has_norm=settings.has_norm, is_residual=settings.is_residual
    ).to(job.device)
    weights = {name.removeprefix(PART): each for name, each in job.weights(WEIGHTS).items() if name.startswith(PART)}
    fill(network, weights, WEIGHTS)
    return network.eval()
