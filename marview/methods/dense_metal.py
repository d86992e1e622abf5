"""Find clinical slices with dense metal or strong streaks, for which NMAR is used instead of a network."""

import torch
from scipy import ndimage
from torch import Tensor

from marview.methods.api import MarCase, SliceNote
from marview.physics import material
from marview.physics.attenuation import MU_WATER, mu_to_hu
from marview.text import translatable
from marview.volume.padding import VACUUM_HU, between
from marview.volume.volume import BODY_HU

_FULL = 0.9
_DENSE = translatable("the metal is denser than titanium; near such metal this network has larger errors than NMAR")
_DARKENED = translatable(
    "the image has clipped dark streaks; near such streaks this network has larger errors than NMAR"
)
_STREAKY = translatable("streaks near the metal are strong; there this network has larger errors than NMAR")
_NMAR = translatable(", so NMAR was used instead")

_TWELVE_BITS = 0.8
"""Attenuation in 1/cm just above the end of a HU scale that ends at 3071 HU."""

_DARK_SHARE = 0.02
"""Fraction of the body darker than vacuum from which metal counts as dense; at most 1.3 % with titanium screws."""

_STREAKS_HU = 600.0
"""RMS of the streaks near metal from which metal on a clipped HU scale counts as dense. In our own slices titanium
reaches 501 HU, and steel and cobalt chromium have at least 607 HU."""

_NEAR_PX = (3, 25)
"""Distances from metal in which the streaks are measured, in pixels."""


def dense_slices(case: MarCase) -> list[int]:
    """Return the positions, within the case, of clinical slices with metal denser than titanium.

    The list is empty for a measured sinogram, and also if the HU scale ends below the values of dense metal.
    """
    if case.measured_sinogram is not None:
        return []
    lightest = material("ti").mu
    return [k for k, metal in enumerate(case.metal) if metal.any() and _typical(case.mu[k][metal]) > lightest]


def _typical(mu: Tensor) -> float:
    """Return the typical attenuation of the metal, without its blurred edge, in 1/cm."""
    return float(torch.quantile(mu, _FULL))


def darkened_slices(case: MarCase) -> list[int]:
    """Return the positions of clinical slices in which more than 2 % of the body is darker than vacuum.

    Only slices with clipped HU are included, because the density of their metal cannot be determined
    directly. Only dense metal causes such dark streaks, which marview restored beforehand.
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


def streaky_slices(case: MarCase) -> list[int]:
    """Return the positions of clinical slices with clipped HU and strong streaks near the metal.

    The streaks are measured in the difference between the uncorrected image and the image after linear
    interpolation.
    """
    if case.measured_sinogram is not None:
        return []
    return [
        k
        for k, metal in enumerate(case.metal)
        if metal.any()
        and _typical(case.mu[k][metal]) < _TWELVE_BITS
        and _streaks_hu(case.mu[k], case.li_mu[k], metal) > _STREAKS_HU
    ]


def _streaks_hu(mu: Tensor, li_mu: Tensor, metal: Tensor) -> float:
    """Return the RMS of the streaks in the body near the metal of a slice, HU; images are in 1/cm, `[y, x]`."""
    distance = torch.from_numpy(ndimage.distance_transform_edt(~metal.cpu().numpy())).to(mu.device)
    least, most = _NEAR_PX
    near = (distance > least) & (distance < most) & (mu_to_hu(li_mu) > BODY_HU)
    return float((mu - li_mu)[near].square().mean().sqrt()) * (1000 / MU_WATER) if bool(near.any()) else 0.0


def reasons_for_nmar(case: MarCase, *, dense: bool = True, streaky: bool = False) -> dict[int, str]:
    """Return the reasons to use NMAR instead of a network, by the position of the slice within the case.

    Args:
        case: slices to correct.
        dense: whether to include `dense_slices` and `darkened_slices`.
        streaky: whether to include `streaky_slices`, in which only some networks have larger errors than NMAR.
    """
    reasons = dict.fromkeys(streaky_slices(case) if streaky else [], _STREAKY)
    if dense:
        reasons |= dict.fromkeys(darkened_slices(case), _DARKENED) | dict.fromkeys(dense_slices(case), _DENSE)
    return dict(sorted(reasons.items()))


def nmar_note(slice_index: int, reason: str) -> SliceNote:
    """Create the note that explains why NMAR is used for a slice; `reason` comes from `reasons_for_nmar`."""
    return SliceNote(slice_index, reason, _NMAR, made_by="NMAR")
