"""Normalized MAR, corrected by what a network reads in the rays of the metal trace."""

import torch
from pydantic import BaseModel
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.methods.thin_metal import is_thin
from marview.physics.attenuation import mu_to_hu

from .guard import is_trusted
from .network import TraceNetwork
from .settings import read_settings
from .trace_signal import LEFT, metal_sinogram, planes_of, strength

WEIGHTS = "weights/bundled.safetensors"

_STARVED = "the rays through metal contradict NMAR by {} line integrals, which is starvation rather than tissue"
_THIN = "the metal hides or attenuates little, as wires and leads do"
_NMAR = ", so the slice has the result of NMAR"


class Parameters(BaseModel):
    """The method has no parameters."""


class ClinicalCompletion:
    """A network corrects NMAR's completion of the sinogram inside the metal trace."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:  # noqa: ARG002
        """Complete the metal trace; outside it the sinogram stays measured.

        Raises:
            MethodFailed: the weights do not fit the network.
        """
        network = load(job)
        job.progress(0.0, "NMAR")
        prior = nmar_prior(case, pause=job.check_cancelled)
        base = complete_normalized(case, case.projector.forward(prior), NmarSettings())
        job.check_cancelled()
        job.progress(0.4, "reading the metal trace")
        changed, remainders = _corrected(network, case, base, job)
        trusted, thin = is_trusted(remainders), is_thin(case)
        corrected = torch.where((trusted & ~thin)[:, None, None], changed, base)
        job.progress(0.8, "reconstruction")
        notes = [*warnings(case, job.about_weights(WEIGHTS)), *_notes(case, trusted, thin, remainders)]
        return MarResult(mu_to_hu(case.reconstruct(corrected)), corrected_sinogram=corrected, notes=notes)


def load(job: Job) -> TraceNetwork:
    """The network of the method's weights, on the job's device.

    Raises:
        MethodFailed: the weights do not fit the network.
    """
    network = TraceNetwork(read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    return network.eval()


def _corrected(network: TraceNetwork, case: MarCase, base: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """The base with the network's correction in the trace, and the strength of each slice's remainder, `[slice]`.

    Slice by slice, so that a run stops within a second.
    """
    metal = metal_sinogram(case.projector, case.mu, case.metal)
    corrected, remainders = base.clone(), []
    for k, index in enumerate(_indices(case)):
        job.check_cancelled()
        job.progress(0.4 + 0.4 * k / len(base), "reading the metal trace")
        one = slice(k, k + 1)
        planes = planes_of(case.sinogram[one], base[one], metal[one], case.trace[one])
        change = network.whole(planes)
        corrected[one] += torch.where(case.trace[one], change, 0.0)
        remainders.append(strength(planes[:, LEFT], case.trace[one]))
        job.output("corrected_sinogram", index, corrected[k])
    return corrected, torch.cat(remainders)


def _notes(case: MarCase, trusted: Tensor, thin: Tensor, remainders: Tensor) -> list[SliceNote]:
    """Slices that have the result of NMAR, and why."""
    notes = []
    has_metal = case.metal.flatten(1).any(dim=1)
    for k, index in enumerate(_indices(case)):
        if bool(has_metal[k]) and bool(thin[k]):
            notes.append(SliceNote(index, _THIN, _NMAR))
        elif bool(has_metal[k]) and not bool(trusted[k]):
            notes.append(SliceNote(index, _STARVED, _NMAR, float(remainders[k]), "{:.2f}"))
    return notes


def _indices(case: MarCase) -> list[int]:
    return list(case.slice_indices or range(len(case.hu)))
