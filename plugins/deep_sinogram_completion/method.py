"""Deep sinogram completion with an image prior (Yu 2021)."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.networks import line_unit
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult
from marview.methods.consistency import looped
from marview.methods.dense_metal import reasons_for_nmar
from marview.methods.dense_nmar import leave_to_nmar
from marview.methods.thin_metal import thin_metal_notes
from marview.methods.trace_completion import compose, hidden_share, interpolate_with_prior
from marview.physics.attenuation import mu_to_hu

from .network import Completion, classes
from .settings import read_settings

WEIGHTS = "weights/bundled.safetensors"


class Parameters(BaseModel):
    """Parameters of deep sinogram completion; two of them select ablations from the paper."""

    prior: Literal["network", "tissue"] = Field(
        "network",
        title="Prior",
        description="Image that guides the completion: the image of PriorNet, or the same image reduced to air, water "
        "and bone, as in the prior of NMAR.",
        json_schema_extra={"advanced": True},
    )
    completion: Literal["network", "interpolation"] = Field(
        "network",
        title="Completed by",
        description="How the trace is completed: by SinoNet, or by linear interpolation of the difference between the "
        "measured sinogram and the sinogram of PriorNet's image.",
        json_schema_extra={"advanced": True},
    )
    loop_iterations: int = Field(
        0,
        ge=0,
        le=8,
        title="Consistency loop",
        description="Maximum number of iterations of the consistency loop, which reduces blur and the remaining beam "
        "hardening caused by bone. 0 turns the loop off, as in the paper. The loop needs a measured sinogram.",
        json_schema_extra={"advanced": True},
    )


class DeepSinogramCompletion:
    """Method with two networks, which generate a prior image and complete the trace with its sinogram."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Complete the metal trace; the sinogram outside the trace stays as measured.

        Raises:
            MethodFailed: the weights do not fit the networks that they describe.
        """
        assert isinstance(parameters, Parameters)
        completion = load(job)
        prior = prior_images(completion, case, parameters, job)
        job.progress(0.5, "projection")
        prior_sinogram = case.projector.forward(prior)
        corrected = corrected_sinograms(completion, case, prior_sinogram, parameters, job)
        notes = [*warnings(case, job.about_weights(WEIGHTS)), *thin_metal_notes(case)]
        notes += leave_to_nmar(case, prior, corrected, job, reasons_for_nmar(case))
        job.progress(0.9, "reconstruction")
        image = looped(case, case.reconstruct(corrected), parameters.loop_iterations, lambda _: job.check_cancelled())
        return MarResult(mu_to_hu(image), mu_to_hu(prior), corrected, notes)


def prior_images(completion: Completion, case: MarCase, parameters: Parameters, job: Job) -> Tensor:
    """Generate the images that guide the completion, `[slice, y, x]`, in 1/cm."""
    job.progress(0.0, "linear interpolation")
    li_mu = case.li_mu
    prior = torch.empty_like(li_mu)
    for part, index, done in _slices(case, job):
        job.progress(0.2 + 0.3 * done, "prior image")
        hidden = hidden_share(case.projector, case.trace[part]) if completion.settings.sees_hidden else None
        made = completion.prior(case.mu[part], li_mu[part], case.metal[part], hidden)
        found = completion.guide(made, case.metal[part])
        prior[part] = classes(found, case.metal[part]) if parameters.prior == "tissue" else found
        job.output("prior", index, mu_to_hu(prior[part][0]))
    return prior


def corrected_sinograms(
    completion: Completion, case: MarCase, prior_sinogram: Tensor, parameters: Parameters, job: Job
) -> Tensor:
    """Return the sinograms with completed traces, `[slice, view, bin]`."""
    unit = line_unit(case.projector)
    corrected = torch.empty_like(prior_sinogram)
    for part, index, done in _slices(case, job):
        job.progress(0.6 + 0.3 * done, "sinogram")
        sinogram, trace = case.sinogram[part], case.trace[part]
        if parameters.completion == "interpolation":
            completed = interpolate_with_prior(sinogram, prior_sinogram[part], trace)
        else:
            completed = completion.complete(sinogram, prior_sinogram[part], trace, unit)
        corrected[part] = compose(completed, sinogram, trace)
        job.output("corrected_sinogram", index, corrected[part][0])
    return corrected


def load(job: Job) -> Completion:
    """Load the networks with the method's weights onto the job's device.

    Raises:
        MethodFailed: the weights do not fit the networks that they describe.
    """
    settings = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    completion = Completion(settings).to(job.device)
    fill(completion, job.weights(WEIGHTS), WEIGHTS)
    return completion.eval()


def _slices(case: MarCase, job: Job) -> Iterator[tuple[slice, int, float]]:
    """Yield position, index and finished fraction, slice by slice, so that a run can be cancelled within a second."""
    count = len(case.hu)
    for number, index in enumerate(case.slice_indices or range(count)):
        job.check_cancelled()
        yield slice(number, number + 1), index, number / count
