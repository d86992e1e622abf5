"""CNNMAR: a small network generates the prior image used to complete the sinogram (Zhang and Yu 2018)."""

import torch
from pydantic import BaseModel, Field

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult
from marview.methods.dense_metal import reasons_for_nmar
from marview.methods.dense_nmar import leave_to_nmar
from marview.methods.thin_metal import thin_metal_notes
from marview.methods.trace_completion import complete_with_prior
from marview.physics.attenuation import mu_to_hu

from .hardening import without_hardening
from .network import Cnn, channels
from .prior import tissue_prior
from .settings import read_settings

WEIGHTS = "weights/bundled.safetensors"


class Parameters(BaseModel):
    """Parameters of CNNMAR's tissue processing."""

    soft_from_hu: float = Field(
        -300.0,
        ge=-1000,
        le=0,
        title="Soft tissue from",
        description="Pixels below this value, such as air and lung, keep the network's value in the prior. The "
        "k-means classes of the image may set a higher limit. The published value is -1000.",
        json_schema_extra={"unit": "HU", "step": 50, "advanced": True},
    )
    bone_from_hu: float = Field(
        350.0,
        ge=0,
        le=1500,
        title="Bone from",
        description="Pixels above this value keep the network's value in the prior. The k-means classes of the image "
        "may set a higher limit.",
        json_schema_extra={"unit": "HU", "step": 25, "advanced": True},
    )
    blend_px: float = Field(
        5.0,
        ge=1,
        le=50,
        title="Blend over",
        description="In the prior, soft tissue has its mean value. Within this distance of air and bone, its values "
        "change gradually to the mean.",
        json_schema_extra={"unit": "px", "step": 1, "advanced": True},
    )


class Cnnmar:
    """Method that completes the metal trace with a prior image from a network and tissue processing."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            MethodFailed: the weights do not fit the network that they describe.
        """
        assert isinstance(parameters, Parameters)
        network = load(job)
        job.progress(0.0, "beam hardening by the metal")
        metal_cm = case.projector.forward(case.metal.float())
        hardened = case.reconstruct(without_hardening(case.sinogram, case.li_sinogram, case.trace, metal_cm))
        job.check_cancelled()
        job.progress(0.3, "linear interpolation")
        seen = channels(case.mu, hardened, case.li_mu, case.metal)
        prior = torch.empty_like(case.mu)
        for number, index in enumerate(case.slice_indices or range(len(prior))):
            job.check_cancelled()
            job.progress(0.4 + 0.3 * number / len(prior), "prior image")
            part = slice(number, number + 1)
            prior[part] = tissue_prior(
                network(seen[part])[:, 0],
                case.metal[part],
                soft_from_hu=parameters.soft_from_hu,
                bone_from_hu=parameters.bone_from_hu,
                blend_px=parameters.blend_px,
            )
            job.output("prior", index, mu_to_hu(prior[number]))
        job.check_cancelled()
        job.progress(0.7, "completing the sinogram")
        corrected = complete_with_prior(case.sinogram, case.projector.forward(prior), case.trace)
        dense = leave_to_nmar(case, prior, corrected, job, reasons_for_nmar(case))
        job.check_cancelled()
        job.progress(0.85, "reconstructing")
        notes = [*warnings(case, job.about_weights(WEIGHTS)), *thin_metal_notes(case), *dense]
        return MarResult(mu_to_hu(case.reconstruct(corrected)), mu_to_hu(prior), corrected, notes)


def load(job: Job) -> Cnn:
    """Load the network with the method's weights onto the job's device.

    Raises:
        BadInput: the weights file contains no valid description of its network.
        MethodFailed: the weights do not fit the network.
    """
    settings = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    network = Cnn(settings.width).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    return network.eval()
