"""The near-hip method: a network learns from the patient's own slices beside the metal what the trace hides."""

import torch
from pydantic import BaseModel

from marview.errors import MethodFailed
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.dense_metal import leave_dense_to_nmar
from marview.methods.thin_metal import thin_metal_notes
from marview.methods.trace_completion import complete_with_prior
from marview.physics.attenuation import mu_to_hu
from marview.text import count, translatable

from .kept import Kept
from .learn import learn
from .learned import Learned
from .parameters import Parameters
from .patient import FEWEST, Patient, SmallScan, alike
from .prior import prior_image
from .several import alone, of_its_network, of_several, warnings_of_several

_NEIGHBOURS = 22
_LEFT_OUT = translatable(
    "; NMAR's completion has the bone beside such metal, and the network, which learned from others, was left out there"
)


class NearHip:
    """Trains on the run's own scan, then fills the trace; a further run with the same settings learns nothing anew.

    It begins with a network that comes with the method, of other patients, which does the work alone where a scan has
    too few slices without metal.
    """

    Parameters = Parameters

    def __init__(self) -> None:
        self._kept = Kept()

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            BadInput: the weights do not say what network they are of.
            MethodFailed: they are not those of the network they say they are, or of another than the parameters ask
                for; or it is to start from random weights and the scan has too few slices without metal; or the loss
                is NaN.
        """
        assert isinstance(parameters, Parameters)
        clean, masks = job.neighbours(_NEIGHBOURS)
        field_mm = case.pixel_mm * case.hu.shape[-1]
        taught = None
        if parameters.begin == "weights":
            # read in every run, also where what was learned is at hand: it is what the result was made with
            taught, parameters = of_several(job, field_mm), of_its_network(parameters, job)
        if len(clean) >= FEWEST:
            scan = SmallScan(parameters.size_px, parameters.views, field_mm)
            patient = Patient.of(scan, clean if taught is None else alike(clean), masks)
            learned = self._learned(patient, parameters, job, taught)
        elif taught is not None:
            learned = alone(taught, len(clean))
        else:
            raise MethodFailed(
                translatable(
                    f"near_hip was to start from random weights, but the scan has only {count(len(clean), 'slice')} "
                    f"without metal; it needs {FEWEST}. Use a scan that reaches beyond the implant, or begin = weights."
                )
            )
        job.check_cancelled()
        job.progress(0.2, "filling the trace")
        with torch.no_grad():
            prior = prior_image(case, learned, job.check_cancelled)
            job.check_cancelled()
            corrected = complete_with_prior(case.sinogram, case.projector.forward(prior), case.trace)
            notes: list[str | SliceNote] = [learned.words, *_thin_metal(case, learned)]
            if not learned.is_own:
                notes += warnings_of_several(case, learned, job)
                notes += leave_dense_to_nmar(case, prior, corrected, job)
            job.progress(0.7, "reconstructing")
            return MarResult(mu_to_hu(case.reconstruct(corrected)), mu_to_hu(prior), corrected, notes)

    def _learned(self, patient: Patient, parameters: BaseModel, job: Job, taught: Learned | None) -> Learned:
        assert isinstance(parameters, Parameters)
        settings = parameters.model_dump_json(exclude={"reuse"})
        known = self._kept.find(patient, settings, is_alike_enough=parameters.reuse == "alike")
        if known is None:
            known = learn((patient,), parameters, job, taught)
            self._kept.keep(patient, settings, known)
        return known


def _thin_metal(case: MarCase, learned: Learned) -> list[SliceNote]:
    return thin_metal_notes(case, _LEFT_OUT) if learned.start == "nmar" else thin_metal_notes(case)
