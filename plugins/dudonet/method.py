"""DuDoNet: sinogram and image refined together, joined by an inversion that gradients pass (Lin 2019)."""

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.physics.attenuation import mu_to_hu
from marview.worker.api import Job, MarCase, MarResult

from .network import DualDomain, line_unit
from .settings import read_settings
from .start import start_of

WEIGHTS = "weights/bundled.safetensors"


class Parameters(BaseModel):
    """Parameters of DuDoNet."""

    refines_image: bool = Field(
        default=True,
        title="Refine the image",
        description="Whether the image network has the last word. Without it the result is the image of the sinogram "
        "network alone, which changes nothing but the metal trace.",
        json_schema_extra={"advanced": True},
    )


class DuDoNet:
    """One network fills the trace, a second one refines the image of that sinogram."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case, one at a time, so that a run can be stopped within a second.

        Raises:
            MethodFailed: the weights are not those of the networks they say they are.
            UsageError: the weights rebin the rays, and the case's go less than a whole turn.
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
            refines = parameters.refines_image
            result[part] = dual.refine(inverted[part], li_mu[part], begun) if refines else inverted[part]
        notes = warnings(case, job.about_weights(WEIGHTS))
        return MarResult(mu_to_hu(result), mu_to_hu(inverted), corrected, notes)

    def _inverted(self, dual: DualDomain, case: MarCase, part: slice, corrected: Tensor) -> Tensor:
        """The image of a corrected sinogram in 1/cm, `[slice, y, x]`."""
        if not dual.settings.changes_sinogram:
            return case.li_mu[part]
        known = (case.mu[part], case.sinogram[part]) if case.measured_sinogram is None else None
        return dual.invert(corrected, case.projector, known)


def load(job: Job) -> DualDomain:
    """The networks of the method's weights, on the job's device.

    Raises:
        MethodFailed: the weights are not those of the networks they say they are.
    """
    settings = read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)
    dual = DualDomain(settings).to(job.device)
    fill(dual, job.weights(WEIGHTS), WEIGHTS)
    return dual.eval()
