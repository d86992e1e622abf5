"""Networks that earlier runs trained, kept for further runs on the same scan."""

import hashlib
from dataclasses import dataclass, replace

from torch import Tensor

from marview.metrics.overlap import dice

from .learned import Learned
from .patient import Patient

MOST = 16
"""Number of networks to keep; each takes about two megabytes."""

ALIKE = 0.8
"""Dice from which on masks teach the same: in training they are turned, scaled and moved."""

_CHANGED = " It had learned with a mask that was changed a little since."


@dataclass(frozen=True, eq=False)
class _Entry:
    scan: str
    masks: Tensor
    learned: Learned


class Kept:
    """Trained networks by settings, device, metal-free slices and masks; the oldest is dropped first."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def find(self, patient: Patient, settings: str, *, is_alike_enough: bool) -> Learned | None:
        """Return the network of this patient, these settings and the same masks or, on request, similar ones."""
        scan = _scan(patient, settings)
        known = [(_overlap(one.masks, patient.masks), one.learned) for one in self._entries if one.scan == scan]
        overlap, learned = max(known, key=lambda each: each[0], default=(0.0, None))
        if learned is None or overlap == 1:
            return learned
        changed = replace(learned, words=learned.words + _CHANGED)
        return changed if is_alike_enough and overlap >= ALIKE else None

    def keep(self, patient: Patient, settings: str, learned: Learned) -> None:
        """Keep what was learned."""
        self._entries = [*self._entries[1 - MOST :], _Entry(_scan(patient, settings), patient.masks, learned)]


def _scan(patient: Patient, settings: str) -> str:
    digest = hashlib.sha256(f"{settings} {patient.clean_mu.device}".encode())
    digest.update(patient.clean_mu.cpu().numpy().tobytes())
    return digest.hexdigest()


def _overlap(one: Tensor, other: Tensor) -> float:
    """Dice of two sets of masks, bool `[mask, y, x]`; 0 where their number or size differs."""
    return dice(one.cpu().numpy(), other.cpu().numpy()) if one.shape == other.shape else 0.0
