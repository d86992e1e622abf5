"""The metal mask that a verb works with: adaptive, by threshold, or from a file; grown or shrunk by a margin."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.commands.series import shared_series
from marview.dicom import LoadedSeries
from marview.dicom.atomic import claimed
from marview.dicom.mask_file import read_mask
from marview.errors import BadInput, NoMetal, UsageError
from marview.export import refuse_mask_name, write_mask
from marview.geometry import Grid
from marview.text import count
from marview.volume import adaptive
from marview.volume.kmeans import class_notes, k_means
from marview.volume.mask import grow_mm, refuse_unusable
from marview.volume.scale import scale_of


@dataclass(frozen=True)
class MaskChoice:
    """How the metal is to be found.

    Attributes:
        threshold_hu: metal is what exceeds it; None to find it by itself.
        file: a mask instead, as DICOM SEG, NIfTI or NRRD.
        classes: metal is the densest of so many classes of a k-means.
        margin_mm: grow (+) or shrink (-) what was found.
    """

    threshold_hu: float | None = None
    file: Path | None = None
    classes: int | None = None
    margin_mm: float = 0.0

    def __post_init__(self) -> None:
        given = {"--mask": self.file, "--threshold": self.threshold_hu, "--kmeans": self.classes}
        if len(names := [name for name, value in given.items() if value is not None]) > 1:
            raise UsageError(f"{' and '.join(names)} exclude each other: each says already what metal is.")
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


def find_metal(loaded: LoadedSeries, choice: MaskChoice, advice: str = "") -> FoundMetal:
    """The metal mask of a series.

    Args:
        loaded: the series.
        choice: how the metal is to be found.
        advice: what to do where there is none, in a sentence.

    Raises:
        NoMetal: nothing in the series is metal for certain.
        BadInput: the mask's file cannot be read or lies on another grid, or the margin leaves nothing of it.
    """
    hu, grid = loaded.volume.hu, loaded.volume.grid
    notes: Sequence[str] = ()
    if choice.file is not None:
        read = read_mask(choice.file, loaded)
        mask, notes, origin = read.mask, read.notes, f"mask file {choice.file.name}"
    elif choice.threshold_hu is not None:
        mask, origin, notes = hu > choice.threshold_hu, f"above {choice.threshold_hu:g} HU", scale_of(hu).notes
    elif choice.classes is not None:
        mask, origin = k_means(hu, choice.classes), f"densest of {choice.classes} classes"
        notes = (*scale_of(hu).notes, *class_notes(hu, mask, choice.classes))
    else:
        found = adaptive(hu, grid.stack_mm)
        mask, notes = found.mask, found.notes
        origin = f"adaptive, above {found.threshold_hu:.0f} HU" if mask.any() else "adaptive"
        if found.doubtful is not None:
            least_hu = int(np.ceil(found.threshold_hu))
            raise NoMetal(
                f"No metal was found for certain in {loaded.series.path}. {found.notes[-1]} If they are metal, say "
                f"--threshold {least_hu - 1} or --mask FILE."
            )
    if not mask.any():
        raise NoMetal(
            f"No metal was found in {loaded.series.path} ({origin}), so there is nothing to correct. "
            + (advice or "Say another --threshold HU, or --mask FILE, if there is some.")
        )
    if choice.margin_mm:
        found_voxels = np.count_nonzero(mask)
        mask = grow_mm(mask, choice.margin_mm, grid.stack_mm, drift_mm=grid.drift_mm)
        if np.count_nonzero(mask) == found_voxels:
            notes = (*notes, f"A margin of {choice.margin_mm:g} mm changes nothing: {_nearest(grid)}")
        origin += f", margin {choice.margin_mm:+g} mm"
        if not mask.any():
            raise BadInput(f"Nothing of the metal is left at a margin of {choice.margin_mm:g} mm; shrink it by less.")
    refuse_unusable(mask, hu)
    return FoundMetal(mask, origin, notes)


def _nearest(grid: Grid) -> str:
    return f"neighbouring voxel centres lie {min(grid.stack_mm):.2f} mm apart or more."


def write_metal(path: Path, output: Path, choice: MaskChoice, series_uid: str = "") -> None:
    """Find the metal of a series and write its mask: DICOM SEG, NIfTI or NRRD by the ending of `output`.

    Raises:
        UsageError: the name of the output has another ending.
        BadInput: the series cannot be read, holds no metal, or the file cannot be written.
    """
    with shared_series(path, series_uid) as series:
        loaded = series.loaded
        refuse_mask_name(output, loaded)
        with claimed(output):
            found = find_metal(loaded, choice)
            write_mask(output, found.mask, loaded, origin=found.origin, is_automatic=choice.file is None)
        voxel_mm3 = loaded.volume.grid.voxel_mm3
        slices = loaded.volume.grid.slice_numbers.sorted(np.flatnonzero(found.mask.any(axis=(1, 2))))
        for note in found.notes:
            print(f"Note: {note}", file=sys.stderr)
        print(
            f"{output}: {found.mask.sum() * voxel_mm3 / 1000:.2f} ml of metal in {len(slices)} of "
            f"{count(len(found.mask), 'slice')} ({slices[0]} to {slices[-1]}), {found.origin}."
        )
