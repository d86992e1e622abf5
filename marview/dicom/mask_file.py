"""Read a metal mask from a file of any kind (DICOM SEG, NIfTI, NRRD) onto the voxels of a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom.header import looks_like_dicom
from marview.dicom.nifti import read_nifti_labels
from marview.dicom.nrrd import read_nrrd_labels
from marview.dicom.read import LoadedSeries
from marview.dicom.segmentation import read_segmentation
from marview.dicom.source import open_regular
from marview.errors import BadInput
from marview.text import count, listing
from marview.volume.on_grid import Fitted, fit_to_grid

_MOST_LABELS = 64


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A mask that was read.

    Attributes:
        mask: bool, `[z, y, x]`, on the voxels of the series.
        notes: what the person should know: that it was resampled, that labels were joined, that part lies outside.
    """

    mask: NDArray[np.bool_]
    notes: Sequence[str] = ()


def read_mask(path: Path | str, series: LoadedSeries) -> MaskFile:
    """Read a mask for a series; of several labels or segments, all are taken.

    A mask on other voxels of the same patient space is resampled, and a note says so.

    Raises:
        BadInput: the file cannot be read or is no mask, marks nothing, belongs to another patient or frame of
            reference, or lies outside of the series.
    """
    path = Path(path)
    kind = _kind(path)
    notes: list[str] = []
    if kind == "dicom":
        segments = read_segmentation(path, series)
        mask, grid = segments.mask, segments.grid
        if len(segments.labels) > 1:
            notes.append(f"{path.name} holds the segments {listing(segments.labels)}; all are taken as metal.")
    else:
        values, grid = read_nrrd_labels(path) if kind == "nrrd" else read_nifti_labels(path)
        mask = _labelled(values, path, notes)
    if not mask.any():
        raise BadInput(f"{path.name} is an empty mask: it marks no metal.")
    try:
        fitted = fit_to_grid(mask, grid, series.volume.grid)
    except BadInput as why:
        raise BadInput(f"{path.name}: {why}") from None
    return MaskFile(fitted.mask, (*notes, *_notes(fitted, path)))


def _kind(path: Path) -> str:
    try:
        with open_regular(path) as stream:
            head = stream.read(256)
    except OSError as why:
        raise BadInput(f"{path} cannot be read: {(why.strerror or str(why)).lower()}.") from None
    if head.startswith(b"NRRD"):
        return "nrrd"
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return "nifti"
    if not looks_like_dicom(head):
        raise BadInput(
            f"{path.name} is no metal mask: it is neither DICOM SEG nor NRRD, nor named as NIfTI is (.nii, .nii.gz)."
        )
    return "dicom"


def _labelled(values: NDArray[Any], path: Path, notes: list[str]) -> NDArray[np.bool_]:
    """Where a label is; values that are no labels are refused, since every voxel of a body would be metal."""
    lowest, highest = float(values.min()), float(values.max())
    labels = {lowest, highest} if lowest in {0, highest} and highest == 1 and values.dtype.kind in "iu" else set()
    if not labels and np.isfinite([lowest, highest]).all():
        for plane in np.moveaxis(values, 2, 0):  # one at a time, to refuse a volume that is no mask early
            labels.update(np.unique(plane).tolist())
            if len(labels) > _MOST_LABELS:
                break
    is_whole = bool(labels) and all(float(label).is_integer() for label in labels)
    if not is_whole or lowest < 0 or len(labels) > _MOST_LABELS:
        raise BadInput(
            f"{path.name} is no mask: its values go from {lowest:g} to {highest:g}, and a mask has 0 and a few labels."
        )
    if (number := sum(label > 0 for label in labels)) > 1:
        notes.append(f"{path.name} holds {count(number, 'label')}; all are taken as metal.")
    return np.asarray(values > 0)


def _notes(fitted: Fitted, path: Path) -> list[str]:
    notes = []
    if fitted.is_resampled:
        notes.append(f"{path.name} lies on other voxels than the series: it was resampled by the nearest voxel.")
    if fitted.outside:
        notes.append(f"Left out of {path.name}: {count(fitted.outside, 'voxel')} outside of the series.")
    return notes
