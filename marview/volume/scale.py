"""Determine whether the HU scale of a series is clipped, extended beyond 12 bits, or neither."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.text import tr

TWELVE_BIT_HU = 3071
"""Highest HU of a 12-bit scanner with the usual rescale intercept of -1024."""

_MOST_TWELVE_BITS_HU = 4095
_FEWEST_CLIPPED = 3


@dataclass(frozen=True)
class Scale:
    """Upper end of the HU scale of a series.

    Attributes:
        highest_hu: HU of the densest voxel.
        is_clipped: whether many voxels have exactly this value because higher values were clipped.
    """

    highest_hu: int
    is_clipped: bool

    @property
    def is_extended(self) -> bool:
        """Whether the scale extends beyond 12 bits."""
        return self.highest_hu > TWELVE_BIT_HU

    @property
    def hides_peaks(self) -> bool:
        """Whether values are clipped at the end of a 12-bit scale, which is 3071, 3095 or 4095 HU."""
        return self.is_clipped and self.highest_hu <= _MOST_TWELVE_BITS_HU

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the scale for users who choose a threshold."""
        if self.is_clipped and self.is_extended:
            return (
                tr(
                    "The HU scale is extended beyond the 12-bit limit of {} and clipped at {}: above this value, "
                    "metal and streaks look the same, so check the mask."
                ).format(TWELVE_BIT_HU, self.highest_hu),
            )
        if self.is_clipped:
            return (
                tr(
                    "The HU scale is clipped at {}: above this value, metal and streaks look the same, so check the "
                    "mask."
                ).format(self.highest_hu),
            )
        if self.is_extended:
            return (
                tr("The HU scale is extended: it reaches {}, beyond the 12-bit limit of {}.").format(
                    self.highest_hu, TWELVE_BIT_HU
                ),
            )
        return ()

    def estimated_peaks(self, image: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the HU of a slice, `[y, x]`, with clipped plateaus raised to their estimated peaks.

        The HU of a plateau are multiplied by the distance in pixels from its edge. A wide plateau hides a high
        peak, so the metal edge, at half of the peak, also has high HU. The peak of a narrow plateau hardly
        exceeds the scale.
        """
        heights = image.astype(np.float32)
        if self.is_clipped:
            plateau = image == self.highest_hu
            if plateau.any():
                heights *= np.maximum(ndimage.distance_transform_edt(plateau), 1).astype(np.float32)
        return heights


def scale_of(hu: NDArray[np.int16]) -> Scale:
    """Determine the scale of a series, HU `[z, y, x]`.

    A series counts as clipped if three conditions hold: its highest value is above 2000 HU, at least three
    voxels have this value, and their number is more than ten times the mean voxel count of the HU values
    just below.
    """
    highest = int(hu.max())
    if highest <= 2000:
        return Scale(highest, is_clipped=False)
    # Slice by slice, because comparing the whole series would need half as much memory again.
    at_top = sum(int(np.count_nonzero(plane == highest)) for plane in hu)
    below = sum(int(np.count_nonzero(plane >= highest - 100)) for plane in hu) - at_top
    return Scale(highest, is_clipped=at_top >= _FEWEST_CLIPPED and at_top > 10 * below / 100)
