"""The metal mask that a verb works with: adaptive, by threshold, or from a file; grown or shrunk by a margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.commands.series import shared_series
from marview.dicom import LoadedSeries
from marview.dicom.nifti import read_mask
from marview.errors import BadInput, UsageError
from marview.export import write_nifti
from marview.volume import adaptive
from marview.volume.mask import grow_mm, refuse_unusable


@dataclass(frozen=True)
class MaskChoice:
    """How the metal is to be found.

    Attributes:
        threshold_hu: metal is what exceeds it; None to find it by itself.
        file: a NIfTI mask instead.
        margin_mm: grow (+) or shrink (-) what was found.
    """

    threshold_hu: float | None = None
    file: Path | None = None
    margin_mm: float = 0.0

    def __post_init__(self) -> None:
        if self.file is not None and self.threshold_hu is not None:
            raise UsageError("--mask and --threshold exclude each other: the mask says already what metal is.")
        if self.threshold_hu is not None and not np.isfinite(self.threshold_hu):
            raise UsageError(f"--threshold takes a number of HU, not {self.threshold_hu}.")
        if not np.isfinite(self.margin_mm):
            raise UsageError(f"--margin takes a length in mm, not {self.margin_mm}.")


@dataclass(frozen=True, eq=False)
class FoundMetal:
    """A metal mask and where it came from.

    Attributes:
        mask: bool, `[z, y, x]`.
        origin: how it was found, in words.
        notes: what the person should know about it.
    """

    mask: NDArray[np.bool_]
    origin: str
    notes: Sequence[str] = ()


def find_metal(loaded: LoadedSeries, choice: MaskChoice) -> FoundMetal:
    """The metal mask of a series.

    Raises:
        BadInput: the mask's file cannot be read or lies on another grid, or there is no metal.
    """
    hu, grid = loaded.volume.hu, loaded.volume.grid
    notes: Sequence[str] = ()
    if choice.file is not None:
        mask, origin = read_mask(choice.file, grid), f"mask file {choice.file.name}"
    elif choice.threshold_hu is not None:
        mask, origin = hu > choice.threshold_hu, f"above {choice.threshold_hu:g} HU"
    else:
        found = adaptive(hu, grid.spacing_mm)
        mask, notes = found.mask, found.notes
        origin = f"adaptive, above {found.threshold_hu:.0f} HU" if mask.any() else "adaptive"
    if not mask.any():
        raise BadInput(
            f"No metal was found in {loaded.series.path} ({origin}), so there is nothing to correct. "
            "Say --threshold HU or --mask FILE if there is some."
        )
    if choice.margin_mm:
        mask = grow_mm(mask, choice.margin_mm, grid.spacing_mm)
        origin += f", margin {choice.margin_mm:+g} mm"
        if not mask.any():
            raise BadInput(f"Nothing of the metal is left at a margin of {choice.margin_mm:g} mm; shrink it by less.")
    refuse_unusable(mask, hu)
    return FoundMetal(mask, origin, notes)


def write_mask(path: Path, output: Path, choice: MaskChoice, series_uid: str = "") -> None:
    """Find the metal of a series and write its mask as NIfTI.

    Raises:
        BadInput: the series cannot be read, holds no metal, or the file cannot be written.
    """
    with shared_series(path, series_uid) as series:
        loaded = series.loaded
        found = find_metal(loaded, choice)
        write_nifti(output, found.mask, loaded.volume.grid, like=loaded.nifti)
        voxel_mm3 = float(np.prod(loaded.volume.grid.spacing_mm))
        slices = np.flatnonzero(found.mask.any(axis=(1, 2)))
        for note in found.notes:
            print(note)
        print(
            f"{output}: {found.mask.sum() * voxel_mm3 / 1000:.2f} ml of metal in {len(slices)} of {len(found.mask)} "
            f"slices ({slices[0]} to {slices[-1]}), {found.origin}."
        )
