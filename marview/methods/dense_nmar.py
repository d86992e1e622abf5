"""Use NMAR for clinical slices with dense metal, alone or blended with linear interpolation."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from marview.methods.api import Job, MarCase, SliceNote
from marview.methods.dense_metal import dense_slices, nmar_note
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.physics.attenuation import mu_to_hu

_EDGE_BINS = 2
"""Width of the edge on each side of the metal trace. Its rays are measured, so predictions can be checked there."""

_ALL_NMAR, _ALL_LI = 0.65, 0.8
"""NMAR's error at the edges divided by linear interpolation's, for NMAR alone and for linear interpolation alone."""


def complete_nmar(case: MarCase, prior_sinogram: Tensor, settings: NmarSettings) -> Tensor:
    """Complete sinograms `[slice, view, bin]` with NMAR, blended with linear interpolation near dense metal.

    Near dense metal, the prior image itself contains streaks, so NMAR may add more error than it removes.
    The weight of NMAR in a slice therefore depends on how well NMAR predicts the rays at the edges of the
    trace, compared with linear interpolation. NMAR is used alone, as in its paper, for measured sinograms, and
    also if `settings` specifies the source of the prior.

    Args:
        case: slices to correct.
        prior_sinogram: forward projection of NMAR's prior image, line integrals, `[slice, view, bin]`.
        settings: settings of NMAR.
    """
    completed = complete_normalized(case, prior_sinogram, settings)
    if settings.prior_source != "auto":
        return completed
    for k in dense_slices(case):
        share = _share_of_nmar(_known(case, k), prior_sinogram[k : k + 1], settings)
        completed[k] = torch.lerp(case.li_sinogram[k], completed[k], share)
    return completed


def _share_of_nmar(one: MarCase, prior_sinogram: Tensor, settings: NmarSettings) -> float:
    """Return the weight of NMAR in one slice, 0 to 1, based on how well it predicts measured rays beside the trace."""
    wider = max_pool1d(one.trace.float(), 2 * _EDGE_BINS + 1, stride=1, padding=_EDGE_BINS) > 0
    edge = wider & ~one.trace
    if not bool(edge.any()):
        return 1.0  # metal hides every ray
    hidden = replace(one, measured_trace=wider)
    errors = [
        float((predicted - one.sinogram)[edge].square().mean().sqrt())
        for predicted in (complete_normalized(hidden, prior_sinogram, settings), hidden.li_sinogram)
    ]
    relative = errors[0] / max(errors[1], 1e-6)
    return min(max((_ALL_LI - relative) / (_ALL_LI - _ALL_NMAR), 0.0), 1.0)


def leave_to_nmar(
    case: MarCase, prior: Tensor, corrected: Tensor, job: Job, reasons: Mapping[int, str]
) -> list[SliceNote]:
    """Replace a network's prior images and sinograms with NMAR's in some slices.

    Args:
        case: slices to correct.
        prior: prior images of the network, 1/cm, `[slice, y, x]`; changed in place.
        corrected: sinograms completed by the network, `[slice, view, bin]`; changed in place.
        job: job of the run.
        reasons: slices to replace, from `reasons_for_nmar`.

    Returns:
        A note for each slice in which NMAR was used.
    """
    notes = []
    for k, reason in reasons.items():
        _, prior[k], corrected[k] = nmar_of_slice(case, k, job)
        index = case.slice_indices[k] if case.slice_indices else k
        job.output("prior", index, mu_to_hu(prior[k]))
        job.output("corrected_sinogram", index, corrected[k])
        notes.append(nmar_note(index, reason))
    return notes


def nmar_of_slice(case: MarCase, k: int, job: Job) -> tuple[MarCase, Tensor, Tensor]:
    """Correct one slice of a case with NMAR and its default settings.

    Args:
        case: slices to correct.
        k: position of the slice within the case.
        job: job of the run, which the user can cancel between two steps.

    Returns:
        The slice as a separate case, the prior image in 1/cm, `[y, x]`, and the completed sinogram,
        `[view, bin]`.
    """
    job.check_cancelled()
    one = _slice(case, k)
    prior = nmar_prior(one, pause=job.check_cancelled)
    return one, prior[0], complete_nmar(one, case.projector.forward(prior), NmarSettings())[0]


def _slice(case: MarCase, k: int) -> MarCase:
    part = slice(k, k + 1)
    return replace(case, hu=case.hu[part], metal=case.metal[part], slice_indices=(), measured_trace=case.trace[part])


def _known(case: MarCase, k: int) -> MarCase:
    """Return a slice with its sinogram, so that it is not projected again."""
    return replace(_slice(case, k), measured_sinogram=case.sinogram[k : k + 1])
