"""The near-hip method: a network learns from the patient's own slices beside the metal what the trace hides."""

import torch
from pydantic import BaseModel
from torch import Tensor

from marview.physics.attenuation import mu_to_hu
from marview.worker.api import Job, MarCase, MarResult, SliceNote

from ..nmar.thin_metal import thin_metal_notes
from .kept import Kept
from .learn import learn
from .learned import Learned
from .parameters import Parameters
from .patient import FEWEST, Patient, SmallScan, alike
from .prior import complete, prior_image
from .several import alone, of_several, refuse_unlike, warnings_of_several

_NEIGHBOURS = 22


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
                for, or the loss is not a number.
        """
        assert isinstance(parameters, Parameters)
        clean, masks = job.neighbours(_NEIGHBOURS)
        is_own = len(clean) >= FEWEST
        field_mm = case.pixel_mm * case.hu.shape[-1]
        # read in every run, also where what was learned is at hand: it is what the result was made with
        taught = of_several(job, field_mm) if parameters.begin == "several" or not is_own else None
        if is_own:
            scan = SmallScan(parameters.size_px, parameters.views, field_mm)
            learned = self._learned(scan, clean, masks, parameters, job, taught)
        else:
            assert taught is not None
            learned = alone(taught, len(clean))
        job.check_cancelled()
        job.progress(0.2, "filling the trace")
        with torch.no_grad():
            prior = prior_image(case, learned, job.check_cancelled)
            job.check_cancelled()
            corrected = complete(case.sinogram, case.projector.forward(prior), case.trace)
            job.progress(0.7, "reconstructing")
            notes: list[str | SliceNote] = [learned.words, *thin_metal_notes(case)]
            if not is_own:
                notes += warnings_of_several(case, learned, job)
            return MarResult(mu_to_hu(case.reconstruct(corrected)), mu_to_hu(prior), corrected, notes)

    def _learned(
        self, scan: SmallScan, clean: Tensor, masks: Tensor, parameters: BaseModel, job: Job, taught: Learned | None
    ) -> Learned:
        assert isinstance(parameters, Parameters)
        if taught is not None:
            refuse_unlike(parameters, job)
            clean = alike(clean)
        patient, settings = Patient.of(scan, clean, masks), parameters.model_dump_json(exclude={"reuse"})
        known = self._kept.find(patient, settings, is_alike_enough=parameters.reuse == "alike")
        if known is None:
            known = learn((patient,), parameters, job, taught)
            self._kept.keep(patient, settings, known)
        return known
