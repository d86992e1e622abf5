"""Find clinical slices with dense metal or restored dark streaks, for which NMAR is used instead of a network."""

import torch
from torch import Tensor

from marview.methods.api import MarCase, SliceNote
from marview.physics import material
from marview.text import translatable
from marview.volume.padding import VACUUM_HU, between
from marview.volume.volume import BODY_HU

_FULL = 0.9
_DENSE = translatable("the metal is denser than titanium; near such metal this network has larger errors than NMAR")
_DARKENED = translatable(
    "the image has clipped dark streaks; near such streaks this network has larger errors than NMAR"
)
_NMAR = translatable(", so NMAR was used instead")

_TWELVE_BITS = 0.8
"""Attenuation in 1/cm just above the end of a HU scale that ends at 3071 HU."""

_DARK_SHARE = 0.02
"""Fraction of the body darker than vacuum from which metal counts as dense; at most 1.3 % with titanium screws."""


def dense_slices(case: MarCase) -> list[int]:
    """Return the positions, within the case, of clinical slices with metal denser than titanium.

    The list is empty for a measured sinogram, and also if the HU scale ends too low to distinguish dense metal.
    """
    if case.measured_sinogram is not None:
        return []
    lightest = material("ti").mu
    return [k for k, metal in enumerate(case.metal) if metal.any() and _typical(case.mu[k][metal]) > lightest]


def _typical(mu: Tensor) -> float:
    """Return the typical attenuation of the metal, without its blurred edge, in 1/cm."""
    return float(torch.quantile(mu, _FULL))


def darkened_slices(case: MarCase) -> list[int]:
    """Return the positions of clinical slices with clipped HU in which restored streaks darken much of the body.

    Only dense metal causes such streaks, but a clipped HU scale does not show the density of the metal.
    """
    if case.measured_sinogram is not None:
        return []
    return [
        k
        for k, metal in enumerate(case.metal)
        if metal.any() and _typical(case.mu[k][metal]) < _TWELVE_BITS and _dark_share(case.hu[k], metal) > _DARK_SHARE
    ]


def _dark_share(hu: Tensor, metal: Tensor) -> float:
    """Return the fraction of the body in a slice `[y, x]` that is darker than vacuum."""
    body = between(((hu > BODY_HU) | metal).cpu().numpy())
    return float((hu.cpu().numpy() < VACUUM_HU)[body].mean())


def slices_of_nmar(case: MarCase) -> list[int]:
    """Return the positions of the dense and darkened slices, for which NMAR is used instead of a network."""
    return sorted({*dense_slices(case), *darkened_slices(case)})


def dense_note(slice_index: int) -> SliceNote:
    """Create the note on a slice with dense metal, for which NMAR is used instead of the network."""
    return SliceNote(slice_index, _DENSE, _NMAR)


def darkened_note(slice_index: int) -> SliceNote:
    """Create the note on a slice with restored dark streaks, for which NMAR is used instead of the network."""
    return SliceNote(slice_index, _DARKENED, _NMAR)
