"""Implant types, and a function that guesses the type from a metal mask's position and shape."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

KINDS = ("hip_prosthesis", "fracture_fixation", "spinal_fixation", "none")
"""Implant types of the alignment network; the index is the number of the type."""

WORDS = ("a hip prosthesis", "a fracture fixation", "a spinal fixation", "no known implant type")
"""Names of the types for notes."""

NONE = KINDS.index("none")

_BODY_HU = -500.0
_HIP_MM = 18.0
"""Width in mm that the heads and upper stems of hip prostheses exceed, but nails, plates and screws do not."""

_LEAST_MM2 = 20.0
_MIDDLE = 0.12
"""Largest distance of spinal metal from the median plane, as a fraction of the width of the body."""

_SPINE_FROM = 0.45
"""Smallest depth of spinal metal from the front of the body, as a fraction of the depth of the body."""

_NARROWEST_MM = 220.0
"""Smallest width of a trunk; narrower bodies may be heads, whose metal is dental."""


def guess_kind(hu: NDArray[np.float32], metal: NDArray[np.bool_], pixel_mm: float) -> int:
    """Guess the implant type in a slice of a supine patient.

    Args:
        hu: slice in HU, `[y, x]`; the last rows are nearest to the patient's back.
        metal: metal mask, bool `[y, x]`.
        pixel_mm: edge length of a pixel in mm.

    Returns:
        Index of the implant type in `KINDS`.
    """
    body = hu > _BODY_HU
    columns, rows = np.flatnonzero(body.any(axis=0)), np.flatnonzero(body.any(axis=1))
    labels, count = ndimage.label(metal)
    if not count or not columns.size:
        return NONE
    areas = np.bincount(labels.ravel())[1:]
    centres = np.array(ndimage.center_of_mass(metal, labels, range(1, count + 1)))
    width, depth = np.ptp(columns) + 1, np.ptp(rows) + 1
    aside = np.abs(centres[:, 1] - columns.mean()) / width
    deep = (centres[:, 0] - rows[0]) / depth
    largest = int(areas.argmax())
    is_large = 2 * np.sqrt(areas[largest] / np.pi) * pixel_mm >= _HIP_MM
    if areas.sum() * pixel_mm**2 < _LEAST_MM2 or width * pixel_mm < _NARROWEST_MM:
        return NONE
    share = areas / areas.sum()
    if (share * (aside < _MIDDLE) * (deep > _SPINE_FROM)).sum() > 0.5:
        return KINDS.index("spinal_fixation")
    if aside[largest] < _MIDDLE:
        return NONE
    return KINDS.index("hip_prosthesis" if is_large else "fracture_fixation")
