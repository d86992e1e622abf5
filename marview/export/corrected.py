"""Write a corrected volume as a DICOM series, NIfTI or PNG images, for the window and the command line."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.atomic import check_place, whole_folder
from marview.dicom.derive import derived_bytes, refuse_underivable, write_derived_series
from marview.dicom.derived_attributes import Derivation
from marview.dicom.pixels import PADDING_HU
from marview.dicom.read import LoadedSeries
from marview.export.arrays import DEFLATION, corrected_hu, write_nifti
from marview.export.pictures import write_pngs
from marview.geometry import Grid, SliceNumbers
from marview.text import translatable
from marview.volume.correction import Planes
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

_PNG_DEFLATION = 4
"""Assumed size ratio of 16-bit HU to an 8-bit PNG: a factor of 2 from the bits and 2 from the compression."""

_BLOCK_BYTES = 4096
"""Block size in bytes to which file systems round up the size of a file."""


class Format(enum.StrEnum):
    """File format of a corrected volume."""

    DICOM = "dicom"
    NIFTI = "nifti"
    PNG = "png"


@dataclass(frozen=True, eq=False)
class Corrected:
    """A corrected volume to write.

    Attributes:
        source: series that was corrected.
        correction_hu: correction of each slice of the source.
        mask: metal mask, bool `[z, y, x]`.
        provenance: record of how the correction was made.
    """

    source: LoadedSeries
    correction_hu: Planes
    mask: NDArray[np.bool_]
    provenance: Provenance


def refuse_up_front(source: LoadedSeries, format_: Format, folder: Path) -> None:
    """Check before a run whether its result can be written.

    Raises:
        BadInput: the source cannot be written as a DICOM series, or the folder cannot be written.
        UsageError: the folder is not empty.
    """
    if format_ is Format.DICOM:
        refuse_underivable(source)
    check_place(folder, bytes_needed=_bytes_of(source, format_))


def _bytes_of(source: LoadedSeries, format_: Format) -> int:
    """Return the disk space of a result in bytes, estimated for compressed formats."""
    hu = source.volume.hu
    if format_ is Format.DICOM:
        return derived_bytes(source)
    if format_ is Format.NIFTI:
        return hu.nbytes // DEFLATION + 4 * _BLOCK_BYTES
    return hu.nbytes // _PNG_DEFLATION + 2 * _BLOCK_BYTES * len(hu)


def write_corrected(
    corrected: Corrected,
    format_: Format,
    folder: Path,
    *,
    window: HuWindow,
    on_slice: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> tuple[Path, ...]:
    """Write a corrected volume to a new or empty folder and return the paths of the files.

    A DICOM export is a derived series. A NIfTI export contains the volume, its metal mask and the
    provenance record. A PNG export contains one image per slice in the HU window `window`;
    missing or unreadable slices are skipped. Only DICOM exports report progress and can be cancelled. If
    writing fails, partial files are removed.

    Raises:
        BadInput: the source cannot be written as a DICOM series, or the folder cannot be written.
        UsageError: the folder is not empty.
        Cancelled: `is_cancelled` returned True.
    """
    source, record = corrected.source, corrected.provenance
    refuse_up_front(source, format_, folder)
    if format_ is Format.DICOM:
        derivation = Derivation(
            method=record.method_title,
            version=record.method_version,
            parameters=record.settings(),
            weights=record.weights_sha256,
            margin_mm=record.margin_mm,
        )
        return write_derived_series(
            source, corrected.correction_hu, derivation, folder, on_slice=on_slice, is_cancelled=is_cancelled
        ).files
    hu, grid = corrected_hu(source.volume.hu, corrected.correction_hu), source.volume.grid
    if format_ is Format.NIFTI:
        return write_corrected_nifti(folder, hu, corrected.mask, record, grid, gaps=source.gaps, like=source.nifti)
    present = [z for z in range(len(hu)) if z not in source.gaps]
    return write_pngs(
        folder,
        hu,
        width_hu=window.width_hu,
        level_hu=window.level_hu,
        pixel_mm=grid.spacing_mm[1:],
        slices=present,
        numbers=grid.slice_numbers,
    )


def gap_note(gaps: Sequence[int], numbers: SliceNumbers) -> str:
    """Return a note about slices without an image, which NIfTI cannot omit; empty if there are none.

    Args:
        gaps: indices z without an image.
        numbers: slice numbers as shown to users.
    """
    if not gaps:
        return ""
    named = ", ".join(map(str, numbers.sorted(gaps)))
    return translatable(f"Missing or unreadable slices ({named}) are written as {PADDING_HU} HU.")


def write_corrected_nifti(
    folder: Path,
    hu: NDArray[np.int16],
    mask: NDArray[np.bool_],
    record: Provenance,
    grid: Grid,
    *,
    gaps: Sequence[int] = (),
    like: Path | None = None,
) -> tuple[Path, ...]:
    """Write a corrected volume, its metal mask and its provenance to a new or empty folder.

    Args:
        folder: output folder; if writing fails, partial files are removed.
        hu: corrected HU, `[z, y, x]`.
        mask: metal mask, bool `[z, y, x]`.
        record: record of how the correction was made.
        grid: positions of the voxels.
        gaps: indices z without an image; a note in the record lists them.
        like: NIfTI file with the same voxels; the new files copy its axis order and affine.

    Returns:
        The paths of the files.

    Raises:
        BadInput: the folder cannot be written.
        UsageError: the folder is not empty.
    """
    if note := gap_note(gaps, grid.slice_numbers):
        record = replace(record, notes=(*record.notes, note))
    with whole_folder(folder) as part:
        write_nifti(part / "corrected.nii.gz", hu, grid, like=like)
        write_nifti(part / "metal.nii.gz", mask, grid, like=like)
        (part / "provenance.json").write_text(record.to_json(), encoding="utf-8")
    return tuple(folder / name for name in ("corrected.nii.gz", "metal.nii.gz", "provenance.json"))
