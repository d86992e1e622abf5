"""Clinical sinogram completion: a network estimates the tissue near metal from NMAR and from the rays through metal."""

from dataclasses import dataclass, replace

import torch
from pydantic import BaseModel
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.thin_metal import is_thin
from marview.physics.attenuation import mu_to_hu
from marview.text import translatable

from .consistency import consistent, contradicts
from .estimates import Estimates, nearness
from .guard import predicts_well
from .network import PriorNetwork
from .settings import read_settings

WEIGHTS = "weights/bundled.safetensors"

_ESTIMATED = translatable(
    "Near metal, the image is estimated by a network. Details that the measured rays do not show can be wrong, so "
    "compare the result with the uncorrected image."
)
_MEASURED = translatable(
    "The network was trained on clinical slices, not on measured sinograms, so NMAR was used instead."
)
_THIN = translatable("the metal hides few rays or attenuates little, as wires and leads do")
_WORSE = translatable("the network does not predict the measured rays beside the metal trace well enough")
_CONTRADICTS = translatable("the network's estimate contradicts the measured rays beside the metal trace")
_KEPT = translatable(", so only the part that agrees with them was used")
_NMAR = translatable(", so NMAR was used instead")


class Parameters(BaseModel):
    """Empty set of parameters; the method has none."""


class ClinicalCompletion:
    """Method that replaces the NMAR image near metal with a network's estimate."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:  # noqa: ARG002
        """Correct the slices of a case.

        Far from metal, the result is the image reconstructed from the completed sinogram.

        Raises:
            MethodFailed: the weights do not fit the network.
        """
        network = load(job)
        job.progress(0.0, "NMAR")
        start = Estimates(case, job.check_cancelled)
        notes: list[str | SliceNote] = [*warnings(case, job.about_weights(WEIGHTS))]
        corrected, changes = start.completed.clone(), dict[int, Tensor]()
        thin, is_clinical = is_thin(case).tolist(), case.measured_sinogram is None
        for k, index in enumerate(case.slice_indices or range(len(corrected))):
            job.check_cancelled()
            job.progress(0.2 + 0.7 * k / len(corrected), "network")
            if bool(case.metal[k].any()) and is_clinical:
                if thin[k]:
                    notes.append(SliceNote(index, _THIN, _NMAR, made_by="NMAR"))
                else:
                    found = _change(network, start, k, job)
                    notes += [] if found.note is None else [replace(found.note, slice_index=index)]
                    if found.change is not None:
                        changes[k], corrected[k] = found.change, found.completed[0]
                        job.output("prior", index, mu_to_hu(found.prior[0]))
            job.output("corrected_sinogram", index, corrected[k])
        job.progress(0.9, "reconstruction")
        mu = case.reconstruct(corrected)
        for k, change in changes.items():
            mu[k] += change[0]
        notes += [_ESTIMATED] if changes else []
        notes += [] if is_clinical else [_MEASURED]
        return MarResult(mu_to_hu(mu), corrected_sinogram=corrected, notes=notes)


@dataclass(frozen=True, eq=False)
class _Found:
    """Result of the network in a slice.

    Attributes:
        change: change of the image of the completed sinogram, 1/cm, `[1, y, x]`; None if NMAR's result is used.
        completed: completed sinogram, line integrals, `[1, view, bin]`.
        prior: prior image of the completion, 1/cm, `[1, y, x]`.
        note: note on the slice, without the index of the slice.
    """

    change: Tensor | None
    completed: Tensor
    prior: Tensor
    note: SliceNote | None


def _change(network: PriorNetwork, start: Estimates, k: int, job: Job) -> _Found:
    """Estimate the image of a slice, and compare it with the measured rays beside the metal trace."""
    one, shown = slice(k, k + 1), start.shown(k)
    estimate, share = start.of(network, k), nearness(shown.mask)
    completed, prior = start.completed[one], start.prior[one]
    if not predicts_well(shown, estimate.prior_sinogram, start.prior_sinogram[one]):
        return _Found(None, completed, prior, SliceNote(0, _WORSE, _NMAR, made_by="NMAR"))
    change = share * (estimate.mu - estimate.nmar)
    if contradicts(shown, change):
        kept = consistent(shown, change, job.check_cancelled)
        return _Found(kept, completed, prior, SliceNote(0, _CONTRADICTS, _KEPT))
    rest = start.weight(k) * share * (estimate.mu - shown.reconstruct(estimate.completed))
    return _Found(rest, estimate.completed, estimate.prior, None)


def load(job: Job) -> PriorNetwork:
    """Load the network with the method's weights onto the job's device.

    Raises:
        MethodFailed: the weights do not fit the network.
    """
    network = PriorNetwork(read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    return network.eval()
