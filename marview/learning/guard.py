"""Where a case lies outside what a network was trained on: its weights keep the limits, and the result says so."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marview.learning.api import Pairs
from marview.learning.known_scan import other_scan
from marview.physics.attenuation import MU_WATER, mu_to_hu
from marview.worker.api import MarCase

LIMITS = "limits"
"""Key of a weights file's metadata: `{quantity: [lowest, highest]}` as JSON."""

_DENSE_SHARE = 0.99
_SLACK = 0.02
"""Share of the limits' distance that a value may lie beyond them; their ends are those of a sample."""

_BODY_MU = MU_WATER / 2


@dataclass(frozen=True)
class _Quantity:
    """Of a slice, and how a person is told of it; `lowest` where less than in training is strange as well."""

    words: str
    form: str
    has_lowest: bool = False


_QUANTITIES = {
    "trace_share": _Quantity("metal hides {} of the sinogram", "{:.0%}"),
    "body_share": _Quantity("the body fills {} of the image", "{:.0%}", has_lowest=True),
    "dense_hu": _Quantity("bone, contrast agent or streaks reach {} beside the metal", "{:.0f} HU"),
}


def measured(image: Tensor, metal: Tensor, trace: Tensor) -> dict[str, Tensor]:
    """What is compared with training, by name, `[slice]` each.

    Args:
        image: with metal, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool.
        trace: metal trace, bool, `[slice, view, bin]`.
    """
    dense = [
        torch.quantile(one[~solid].flatten(), _DENSE_SHARE) if not bool(solid.all()) else one.new_tensor(0.0)
        for one, solid in zip(image.float(), metal, strict=True)
    ]
    return {
        "trace_share": trace.float().mean(dim=(1, 2)),
        "body_share": (image > _BODY_MU).float().mean(dim=(1, 2)),
        "dense_hu": mu_to_hu(torch.stack(dense)),
    }


def limits(batches: Iterable[Pairs]) -> dict[str, tuple[float, float]]:
    """Least and most of every quantity in the pairs of a training."""
    values: dict[str, list[float]] = {name: [] for name in _QUANTITIES}
    for pairs in batches:
        for name, found in measured(pairs.image, pairs.metal, pairs.trace).items():
            values[name] += found.tolist()
    return {name: (min(found), max(found)) for name, found in values.items()}


def warnings(case: MarCase, about: Mapping[str, str]) -> list[str]:
    """Sentences for the notes of a result: one for each quantity that leaves its limits, and one for a strange scan.

    Args:
        case: that was corrected.
        about: metadata of the weights, as `Job.about_weights` gives them; without limits nothing is said.
    """
    known: Mapping[str, Sequence[float]] = json.loads(about.get(LIMITS, "{}"))
    facts = measured(case.mu, case.metal, case.trace)
    strange = other_scan(case, about)
    return [
        *([strange] if strange else []),
        *(
            sentence
            for name, quantity in _QUANTITIES.items()
            if name in known and (sentence := _sentence(case, quantity, facts[name], *known[name]))
        ),
    ]


def _sentence(case: MarCase, quantity: _Quantity, values: Tensor, lowest: float, highest: float) -> str:
    """What is outside, in which slices, and what the network knows; empty where nothing is."""
    has_metal = case.metal.flatten(1).any(dim=1)
    slack = _SLACK * (highest - lowest)
    outside = (values > highest + slack) | (
        (values < lowest - slack) if quantity.has_lowest else torch.zeros_like(has_metal)
    )
    numbers = (outside & has_metal).nonzero().flatten().tolist()
    if not numbers:
        return ""
    indices = [case.slice_indices[number] for number in numbers] if case.slice_indices else numbers
    where = f"Slice {indices[0]}" if len(indices) == 1 else f"{len(indices)} slices ({indices[0]} to {indices[-1]})"
    least, most = (quantity.form.format(float(each)) for each in (values[numbers].min(), values[numbers].max()))
    found = quantity.words.format(least if least == most else f"{least} to {most}")
    start, end = (quantity.form.format(each) for each in (lowest, highest))
    known = f"{start} to {end}" if quantity.has_lowest else f"at most {end}"
    return f"{where}: {found}; the network was trained on {known}, so check its result there with care."
