"""Find teeth inside metal crowns, where every ray also crosses metal."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from marview.methods.api import MarCase

_LARGEST_MM2 = 150.0
"""Largest area inside a crown, in mm². The liner of a hip cup is larger, and streaks make its HU unusable."""

_DENSEST = 0.55
"""Upper limit of uncorrected values inside crowns, 1/cm: 1850 HU, between dentine and enamel."""

_TOUCH = np.ones((3, 3), bool)


def li_with_crowns(case: MarCase) -> Tensor:
    """Return the LI image, but with the uncorrected values inside crowns, in 1/cm, `[slice, y, x]`.

    Linear interpolation replaces the tooth inside a crown with soft tissue, and this error also affects the
    area around the crown. For a measured sinogram, the LI image is returned unchanged.
    """
    if case.measured_sinogram is not None:
        return case.li_mu
    inside = inside_crowns(case.metal, case.pixel_mm)
    return torch.where(inside, case.mu.clamp(0, _DENSEST), case.li_mu)


def inside_crowns(metal: Tensor, pixel_mm: float) -> Tensor:
    """Mark small areas enclosed by metal, bool `[slice, y, x]`.

    Args:
        metal: metal mask, bool, `[slice, y, x]`.
        pixel_mm: edge length of a pixel in mm.
    """
    found = [_holes(each, pixel_mm) for each in metal.cpu().numpy()]
    return torch.from_numpy(np.stack(found)).to(metal.device)


def _holes(metal: NDArray[np.bool_], pixel_mm: float) -> NDArray[np.bool_]:
    """Close one-pixel gaps in the thin walls of a mask `[y, x]`, and find its small holes."""
    closed = ndimage.binary_closing(np.pad(metal, 2), _TOUCH)[2:-2, 2:-2]
    holes = ndimage.binary_fill_holes(closed) & ~metal
    labels, _ = ndimage.label(holes)
    is_small = np.bincount(labels.ravel()) * pixel_mm**2 <= _LARGEST_MM2
    return np.asarray(holes & is_small[labels])
