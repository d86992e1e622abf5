"""Clinical sinogram completion: NMAR, corrected with the residual signal in the metal trace."""

from dataclasses import dataclass, replace

import torch
from pydantic import BaseModel
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.dense_metal import dense_note, dense_slices
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.methods.thin_metal import is_thin
from marview.physics.attenuation import mu_to_hu
from marview.text import translatable

from .guard import is_believed, is_light, is_trusted
from .network import TraceNetwork
from .rounds import read_in_rounds
from .settings import read_settings
from .shown import Shown
from .trace_signal import LEFT, metal_sinogram, planes_of, strength

WEIGHTS = "weights/bundled.safetensors"

_STARVED = translatable(
    "the line integrals of rays through metal differ from NMAR by {}, which indicates photon starvation rather than "
    "tissue"
)
_THIN = translatable("the metal hides few rays or attenuates little, as wires and leads do")
_ROUNDS = translatable("{} of what the rays through metal add to NMAR is consistent with an image, so it was used")
_NMAR = translatable(", so NMAR was used instead")


class Parameters(BaseModel):
    """The method has no parameters."""


class ClinicalCompletion:
    """Method that corrects NMAR's completion of the sinogram with the rays inside the metal trace."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:  # noqa: ARG002
        """Complete the metal trace; the sinogram outside the trace stays as measured.

        Raises:
            MethodFailed: the weights do not fit the network.
        """
        network = load(job)
        job.progress(0.0, "NMAR")
        prior = nmar_prior(case, pause=job.check_cancelled)
        base = complete_nmar(case, case.projector.forward(prior), NmarSettings())
        metal = metal_sinogram(case.projector, case.mu, case.metal)
        thin, dense, corrected = is_thin(case).tolist(), dense_slices(case), base.clone()
        notes: list[str | SliceNote] = [*warnings(case, job.about_weights(WEIGHTS))]
        for k, index in enumerate(_indices(case)):
            job.check_cancelled()
            job.progress(0.1 + 0.8 * k / len(base), "reading the metal trace")
            if bool(case.metal[k].any()):
                if thin[k]:
                    found = _Found(base[k : k + 1], SliceNote(0, _THIN, _NMAR))
                else:
                    found = _read(None if k in dense else network, case, k, prior, base, metal, job)
                corrected[k] = found.completed[0]
                notes += [] if found.note is None else [replace(found.note, slice_index=index)]
            job.output("corrected_sinogram", index, corrected[k])
        job.progress(0.9, "reconstruction")
        return MarResult(mu_to_hu(case.reconstruct(corrected)), corrected_sinogram=corrected, notes=notes)


@dataclass(frozen=True, eq=False)
class _Found:
    """Completed sinogram of a slice, `[1, view, bin]`, and the notes on it."""

    completed: Tensor
    note: SliceNote | None


def load(job: Job) -> TraceNetwork:
    """Load the network of the method's weights onto the device of the job.

    Raises:
        MethodFailed: the weights do not fit the network.
    """
    network = TraceNetwork(read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    return network.eval()


def _read(
    network: TraceNetwork | None, case: MarCase, k: int, prior: Tensor, base: Tensor, metal: Tensor, job: Job
) -> _Found:
    """Complete the trace of a slice by rounds or, if their result is not reliable, by the network or by NMAR.

    If `network` is None, as for metal denser than titanium, NMAR replaces an unreliable result.
    """
    one = slice(k, k + 1)
    sinogram, trace = case.sinogram[one], case.trace[one]
    shown = Shown(case.projector, case.mu[one], case.metal[one], sinogram, trace, metal[one])
    light = is_light(case.mu[one], case.metal[one])
    reading = read_in_rounds(shown, prior[one], job.check_cancelled, light=light)
    if is_believed(reading.explained, light=light):
        return _Found(reading.completed, SliceNote(0, _ROUNDS, "", reading.explained, "{:.0%}"))
    if network is None:
        return _Found(base[one], dense_note(0))
    planes = planes_of(sinogram, base[one], metal[one], trace)
    remainder = strength(planes[:, LEFT], trace)
    if not bool(is_trusted(remainder)):
        return _Found(base[one], SliceNote(0, _STARVED, _NMAR, float(remainder), "{:.2f}"))
    return _Found(base[one] + torch.where(trace, network.whole(planes), 0.0), None)


def _indices(case: MarCase) -> list[int]:
    return list(case.slice_indices or range(len(case.hu)))
