"""Detect cases that differ from a network's training data, using limits stored in the weights file."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marview.learning.api import Batch, Unpaired
from marview.learning.known_scan import other_scan
from marview.methods.api import MarCase
from marview.methods.notes import SliceNote
from marview.physics.attenuation import MU_WATER, mu_to_hu
from marview.text import translatable

LIMITS = "limits"
"""Key of a weights file's metadata: `{quantity: [lowest, highest]}` as JSON."""

_SEEN = "seen"
_KEPT = 4096
"""Largest number of slices whose measured values are stored."""

_MANY = 200
"""Number of measured slices from which the limits of the initial weights are ignored."""

_ENDS = (0.5, 99.5)
"""Percentiles of the values that become the limits."""

_DENSE_SHARE = 0.99
_SLACK = 0.02
"""Tolerance beyond the limits as a fraction of the range, because the limits were estimated from a sample."""

_BODY_MU = MU_WATER / 2


@dataclass(frozen=True)
class _Quantity:
    """Quantity of a slice and the text of its note; with `has_lowest`, values that are too small also get a note."""

    words: str
    form: str
    has_lowest: bool = False

    def is_usual(self, value: float, lowest: float, highest: float) -> bool:
        """Return whether a value is within the range of the training data, apart from a small tolerance.

        Values below the range are also accepted, unless the quantity has a lower limit.
        """
        slack = _SLACK * (highest - lowest)
        return value <= highest + slack and (value >= lowest - slack or not self.has_lowest)

    def note(self, slice_index: int, value: float, lowest: float, highest: float) -> SliceNote:
        """Return the note on a value outside the range of the training data."""
        start, end = (self.form.format(each) for each in (lowest, highest))
        known = f"{start} to {end}" if self.has_lowest else translatable(f"at most {end}")
        meaning = translatable(f"; the network was trained on {known}, so check its result there with care")
        return SliceNote(slice_index, self.words, meaning, value, self.form)


_QUANTITIES = {
    "trace_share": _Quantity(translatable("metal hides {} of the sinogram"), "{:.1%}"),
    "body_share": _Quantity(translatable("the body fills {} of the image"), "{:.1%}", has_lowest=True),
    "dense_hu": _Quantity(translatable("bone, contrast agent or streaks reach {} beside the metal"), "{:.0f} HU"),
}


def measured(image: Tensor, metal: Tensor, trace: Tensor) -> dict[str, Tensor]:
    """Measure the quantities to be compared with the training data; return `[slice]` tensors, keyed by name.

    Args:
        image: image with metal, 1/cm.
        metal: metal mask, bool.
        trace: metal trace, bool, `[slice, view, bin]`.
    """
    dense = [
        torch.quantile(one[~solid].flatten(), _DENSE_SHARE) if not bool(solid.all()) else one.new_tensor(0.0)
        for one, solid in zip(image.float(), metal, strict=True)
    ]
    return {
        "trace_share": trace.float().mean(dim=(1, 2)),
        "body_share": _body_share(image),
        "dense_hu": mu_to_hu(torch.stack(dense)),
    }


def _body_share(image: Tensor) -> Tensor:
    return (image > _BODY_MU).float().mean(dim=(1, 2))


def _measured_in(batch: Batch) -> dict[str, Tensor]:
    """Measure a batch. Unpaired batches have no sinogram, and a metal mask only if their metal is simulated."""
    if isinstance(batch, Unpaired):
        return {"body_share": _body_share(batch.with_metal_mu)}
    return measured(batch.image, batch.metal, batch.trace)


class Seen:
    """Range of the measured quantities in the training data so far.

    The range is computed from the first slices of the training, which are a random sample. Its limits are
    percentiles, because a large sample may contain isolated outliers.

    Args:
        facts: return value of `facts` from an earlier session of the training.
    """

    def __init__(self, facts: Mapping[str, str] | None = None) -> None:
        known = facts or {}
        self._before = {} if _SEEN in known else _read_limits(known)
        self._values: dict[str, list[float]] = {name: [] for name in _QUANTITIES} | json.loads(known.get(_SEEN, "{}"))

    def add(self, batch: Batch) -> None:
        """Measure a batch that training uses for the first time, and add its values."""
        if all(len(values) >= _KEPT for values in self._values.values()):
            return
        for name, found in _measured_in(batch).items():
            values = self._values[name]
            values += [float(f"{value:.4g}") for value in found[: max(0, _KEPT - len(values))].tolist()]

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Lower and upper limit of each measured quantity, by name.

        With few slices, the limits of the initial weights are included.
        """
        return self._before | {name: self._ends(name) for name, values in self._values.items() if values}

    def _ends(self, name: str) -> tuple[float, float]:
        """Return the limits of a quantity; with few slices, they include the limits of the initial weights."""
        low, high = np.percentile(self._values[name], _ENDS).tolist()
        if name in self._before and len(self._values[name]) < _MANY:
            low, high = min(low, self._before[name][0]), max(high, self._before[name][1])
        return low, high

    @property
    def facts(self) -> dict[str, str]:
        """Measured values as metadata of the saved state, so that a later session can add to them."""
        return {_SEEN: json.dumps(self._values)}


def _read_limits(about: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    return {name: (low, high) for name, (low, high) in json.loads(about.get(LIMITS, "{}")).items()}


def warnings(case: MarCase, about: Mapping[str, str]) -> list[str | SliceNote]:
    """Return notes on slices outside the limits, and a warning if the network was not trained on the protocol.

    Args:
        case: case that was corrected.
        about: metadata of the weights, from `Job.about_weights`; without limits there are no notes.
    """
    known, facts = _read_limits(about), measured(case.mu, case.metal, case.trace)
    has_metal = case.metal.flatten(1).any(dim=1).tolist()
    indices = case.slice_indices or list(range(len(has_metal)))
    notes: list[str | SliceNote] = [strange] if (strange := other_scan(case, about)) else []
    for name, quantity in _QUANTITIES.items():
        lowest, highest = known.get(name, (-math.inf, math.inf))
        for index, is_told, value in zip(indices, has_metal, facts[name].tolist(), strict=True):
            if is_told and not quantity.is_usual(value, lowest, highest):
                notes.append(quantity.note(index, value, lowest, highest))
    return notes
