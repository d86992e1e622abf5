"""Find thin metal, such as wires and leads, near which NMAR preserves bone better than learned methods."""

import torch
from torch import Tensor

from marview.methods.api import MarCase, SliceNote
from marview.methods.nmar import NmarSettings, is_mild
from marview.text import translatable

_THIN = translatable("the metal hides few rays or attenuates little, as wires and leads do")
_COMPARE = translatable(
    "; near such metal, NMAR with the uncorrected image as its prior preserved bone better, so compare the two results"
)


def is_thin(case: MarCase) -> Tensor:
    """Return whether artifacts are mild enough for NMAR's prior to use the uncorrected image, bool `[slice]`.

    This applies only to clinical slices; the result is False for a measured sinogram.
    """
    if case.measured_sinogram is not None:
        return torch.zeros(len(case.hu), dtype=torch.bool, device=case.hu.device)
    return is_mild(case, NmarSettings())


def thin_metal_notes(case: MarCase, meaning: str = _COMPARE, made_by: str = "") -> list[SliceNote]:
    """Return notes on the slices with thin metal; `SliceNote` explains `meaning` and `made_by`.

    Near the sternal wires in `docs/results/real-metal.md`, NMAR preserves 89 % of the bone, but a
    learned method preserves as little as 37 %.
    """
    thin = (is_thin(case) & case.metal.flatten(1).any(dim=1)).nonzero().flatten().tolist()
    indices = case.slice_indices or range(len(case.hu))
    return [SliceNote(indices[number], _THIN, meaning, made_by=made_by) for number in thin]
