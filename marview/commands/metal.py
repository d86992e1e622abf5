"""Create the metal mask for a command, and grow or shrink it.

The metal is found automatically, by threshold or by k-means, or the mask is read from a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries
from marview.dicom.mask_file import read_metal
from marview.errors import NoMetal, UsageError
from marview.volume import adaptive
from marview.volume.kmeans import class_notes, k_means
from marview.volume.margin import is_margin, with_margin
from marview.volume.mask import refuse_unusable
from marview.volume.scale import scale_of


@dataclass(frozen=True)
class MaskChoice:
    """Settings for finding the metal; automatic unless a threshold, a file or a number of classes is given.

    Attributes:
        threshold_hu: HU above which a voxel is metal.
        file: mask file: DICOM SEG, NIfTI or NRRD.
        classes: number of k-means classes; the densest class is metal.
        margin_mm: margin of the mask; a positive margin grows the mask, a negative one shrinks it.
    """

    threshold_hu: float | None = None
    file: Path | None = None
    classes: int | None = None
    margin_mm: float = 0.0

    def __post_init__(self) -> None:
        given = {"--mask": self.file, "--threshold": self.threshold_hu, "--kmeans": self.classes}
        if len(names := [name for name, value in given.items() if value is not None]) > 1:
            raise UsageError(f"{' and '.join(names)} cannot be combined. Use one of them to find the metal.")
        if self.threshold_hu is not None and not np.isfinite(self.threshold_hu):
            raise UsageError(f"--threshold must be a number in HU, not {self.threshold_hu}.")
        if not is_margin(self.margin_mm):
            raise UsageError(f"--margin must be between -1000 and 1000 mm, not {self.margin_mm}.")


@dataclass(frozen=True, eq=False)
class FoundMetal:
    """A metal mask and its origin.

    Attributes:
        mask: bool array `[z, y, x]`.
        origin: short description of how the metal was found.
        notes: messages that the user should read.
    """

    mask: NDArray[np.bool_]
    origin: str
    notes: Sequence[str] = ()


def find_metal(loaded: LoadedSeries, choice: MaskChoice, advice: str = "", *, where: str = "") -> FoundMetal:
    """Find the metal in a series.

    Args:
        loaded: the series.
        choice: settings for finding the metal.
        advice: last sentence of the error message, which says what to do if no metal is found.
        where: text to add after a recommended option that belongs to another command, such as
            " to marview reduce".

    Raises:
        NoMetal: the series contains no metal, or only voxels that may or may not be metal.
        BadInput: the mask file cannot be read or does not match the series, or the margin removes the whole
            mask.
    """
    hu, grid = loaded.volume.hu, loaded.volume.grid
    notes: Sequence[str] = ()
    if choice.file is not None:
        read = read_metal(choice.file, loaded)
        mask, notes, origin = read.mask, read.notes, f"mask file {choice.file.name}"
    elif choice.threshold_hu is not None:
        mask, origin, notes = hu > choice.threshold_hu, f"above {choice.threshold_hu:g} HU", scale_of(hu).notes
    elif choice.classes is not None:
        mask, origin = k_means(hu, choice.classes), f"densest of {choice.classes} classes"
        notes = (*scale_of(hu).notes, *class_notes(hu, mask, choice.classes))
    else:
        found = adaptive(hu, grid.stack_mm)
        mask, notes, origin = found.mask, found.notes, found.origin
        if found.doubtful is not None:
            least_hu = int(np.ceil(found.threshold_hu))
            raise NoMetal(
                f"No metal was found with certainty in {loaded.series.path}. {found.notes[-1]} If these voxels are "
                f"metal, add --threshold {least_hu - 1} or --mask FILE{where}."
            )
    if not mask.any():
        raise NoMetal(
            f"No metal was found in {loaded.series.path} ({origin}), so there is nothing to correct. "
            + (advice or f"If the series contains metal, add --threshold HU with a lower value, or --mask FILE{where}.")
        )
    if choice.margin_mm:
        mask, about_margin = with_margin(mask, choice.margin_mm, grid)
        notes, origin = (*notes, *about_margin), f"{origin}, margin {choice.margin_mm:+g} mm"
    refuse_unusable(mask, hu)
    return FoundMetal(mask, origin, notes)
