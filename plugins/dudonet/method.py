"""DuDoNet: refine sinogram and image, with a differentiable inversion between them (Lin 2019)."""

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
from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics.attenuation import mu_to_hu

from .network import DualDomain
from .settings import read_settings
from .start import start_of

WEIGHTS = "weights/bundled.safetensors"


class Parameters(BaseModel):
    """Parameters of DuDoNet."""

    refines_image: bool = Field(
        default=True,
        title="Refine the image",
        description="Refine the image with the image network. If off, the result is the image of the sinogram "
        "network, which changes only the metal trace.",
        json_schema_extra={"advanced": True},
    )
    keeps_measured: Literal["clinical", "always", "never"] = Field(
        "clinical",
        title="Keep measured values",
        description="Keep the sinogram outside the metal trace as measured: the output of the image network then "
        "serves only to fill the trace, as a prior image does. Choose clinical (clinical slices only), always, or "
        "never (as in the paper).",
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


class DuDoNet:
    """Method with two networks: one completes the sinogram, the other refines the reconstructed image."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case, one at a time, so that a run can be stopped within a second.

        Raises:
            MethodFailed: the weights do not fit the networks that they describe.
            UsageError: the weights need rebinning, but the scan covers less than a full turn.
        """
        assert isinstance(parameters, Parameters)
        dual = load(job)
        unit = line_unit(case.projector)
        job.progress(0.0, "linear interpolation")
        li_mu = case.li_mu
        job.check_cancelled()
        job.progress(0.15, "prior image")
        start = start_of(dual, case, job.check_cancelled)
        corrected, inverted, result = torch.empty_like(case.li_sinogram), torch.empty_like(li_mu), li_mu.clone()
        count = len(case.hu)
        for number, index in enumerate(case.slice_indices or range(count)):
            job.check_cancelled()
            part = slice(number, number + 1)
            job.progress(0.3 + 0.7 * number / count, "sinogram")
            begun = start.of(part)
            corrected[part] = dual.enhance(case.li_sinogram[part], case.trace[part], unit, begun.prior_sinogram)
            job.output("corrected_sinogram", index, corrected[number])
            job.check_cancelled()
            inverted[part] = self._inverted(dual, case, part, corrected[part])
            job.output("prior", index, mu_to_hu(inverted[number]))
            job.check_cancelled()
            job.progress(0.3 + 0.7 * (number + 0.5) / count, "image")
            if not parameters.refines_image:
                result[part] = inverted[part]
                continue
            result[part] = dual.refine(inverted[part], li_mu[part], begun)
            is_clinical = parameters.keeps_measured == "clinical" and case.measured_sinogram is None
            if is_clinical or parameters.keeps_measured == "always":
                job.check_cancelled()
                corrected[part] = filled_by(result[part], case, part)
                job.output("corrected_sinogram", index, corrected[number])
                if case.measured_sinogram is None:
                    result[part] = case.mu[part] + case.projector.fbp(corrected[part] - case.sinogram[part])
                else:
                    result[part] = case.projector.fbp(corrected[part])
        result = looped(case, result, parameters.loop_iterations, lambda _: job.check_cancelled())
        notes = [*warnings(case, job.about_weights(WEIGHTS)), *thin_metal_notes(case)]
        if parameters.keeps_measured == "clinical":
            reasons = reasons_for_nmar(case, streaky=True)
            notes += leave_to_nmar(case, inverted, corrected, job, reasons)
            for k in reasons:
                result[k] = case.mu[k] + case.projector.fbp((corrected[k] - case.sinogram[k])[None])[0]
        return MarResult(mu_to_hu(result), mu_to_hu(inverted), corrected, notes)

    def _inverted(self, dual: DualDomain, case: MarCase, part: slice, corrected: Tensor) -> Tensor:
        """Reconstruct an image, 1/cm, `[slice, y, x]`, from a corrected sinogram with the inversion layer."""
        if not dual.settings.changes_sinogram:
            return case.li_mu[part]
        known = (case.mu[part], case.sinogram[part]) if case.measured_sinogram is None else None
        return dual.invert(corrected, case.projector, known)


def filled_by(image: Tensor, case: MarCase, part: slice) -> Tensor:
    """Complete the trace of some slices with the forward projection of an image.

    The projection is adjusted to the measured sinogram at the edges of the trace.

    Args:
        image: image of these slices, 1/cm, `[slice, y, x]`.
        case: case with all slices.
        part: range of the slices to complete.

    Returns:
        Completed sinogram, `[slice, view, bin]`.
    """
    sinogram, trace = case.sinogram[part], case.trace[part]
    # inside metal, the image of the network is unreliable
    image = torch.where(grown(case.metal[part]), case.li_mu[part], image)
    return complete_with_prior(sinogram, case.projector.forward(image), trace)


def load(job: Job) -> DualDomain:
    """Load the networks with the method's weights onto the job's device.

    Raises:
        MethodFailed: the weights do not fit the networks that they describe.
    """
    settings = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    dual = DualDomain(settings).to(job.device)
    fill(dual, job.weights(WEIGHTS), WEIGHTS)
    return dual.eval()
