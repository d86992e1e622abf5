"""Place a low-contrast lesion near metal, and measure how much of its contrast a correction preserves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

SOFT_HU = (-50.0, 150.0)
"""HU range of soft tissue in which a low-contrast lesion can be placed."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """A round lesion.

    Attributes:
        centre: row and column of its centre.
        profile: fraction of each pixel that belongs to the lesion, 0 to 1, float32 `[y, x]`.
    """

    centre: tuple[int, int]
    profile: NDArray[np.float32]


def lesion_near(
    hu: NDArray[Any], metal: NDArray[np.bool_], rng: np.random.Generator, radius_px: float = 4.0, reach_px: float = 24.0
) -> Lesion | None:
    """Place a lesion in soft tissue near metal.

    Args:
        hu: slice without metal, HU, `[y, x]`.
        metal: metal mask, `[y, x]`.
        rng: random generator.
        radius_px: radius of the lesion.
        reach_px: maximum distance from the lesion's centre to metal.

    Returns:
        The lesion; None if no suitable position exists.
    """
    y, x = np.indices(hu.shape)
    even = gaussian_filter(np.asarray(hu, np.float32), 1.0)
    soft = (even > SOFT_HU[0]) & (even < SOFT_HU[1]) & ~metal
    room = binary_erosion(soft, _disc(radius_px + 1))
    away = distance_transform_edt(~metal)
    places = np.argwhere(room & (away > radius_px + 2) & (away <= reach_px))
    if not len(places) or not metal.any():
        return None
    row, column = (int(each) for each in places[rng.integers(len(places))])
    inside = np.clip(radius_px + 0.5 - np.hypot(y - row, x - column), 0, 1)
    return Lesion((row, column), inside.astype(np.float32))


def kept_contrast(with_lesion: NDArray[Any], without_lesion: NDArray[Any], lesion: Lesion, contrast_hu: float) -> float:
    """Return the fraction of a lesion's contrast that is visible in an image; 1 is the full contrast.

    Args:
        with_lesion: image of the scan with the lesion, HU, `[y, x]`.
        without_lesion: image of the same scan with the same noise but without the lesion, HU, `[y, x]`.
        lesion: the lesion.
        contrast_hu: true contrast of the lesion in HU.
    """
    shown = np.asarray(with_lesion, np.float64) - without_lesion
    core = lesion.profile > 0.5
    away = distance_transform_edt(~core)
    around = (away > 2) & (away <= 5)
    return float((shown[core].mean() - shown[around].mean()) / contrast_hu)


def _disc(radius: float) -> NDArray[np.bool_]:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(np.hypot(y, x) <= radius)
