"""A corrected volume as files, the same from the window and the command line: DICOM series, NIfTI or pictures."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.atomic import check_place, whole_folder
from marview.dicom.derive import Derivation, derived_bytes, refuse_underivable, write_derived_series
from marview.dicom.read import LoadedSeries
from marview.export.arrays import DEFLATION, corrected_hu, write_nifti
from marview.export.pictures import write_pngs
from marview.volume.correction import Planes
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow


class Format(enum.StrEnum):
    """What is written."""

    DICOM = "dicom"
    NIFTI = "nifti"
    PNG = "png"


@dataclass(frozen=True, eq=False)
class Corrected:
    """What there is to write.

    Attributes:
        source: the series that was corrected.
        correction_hu: what is added to each slice of the source.
        mask: the metal, bool, `[z, y, x]`.
        provenance: how the correction was made.
    """

    source: LoadedSeries
    correction_hu: Planes
    mask: NDArray[np.bool_]
    provenance: Provenance


def refuse_up_front(source: LoadedSeries, format_: Format, folder: Path) -> None:
    """Find out before a method is run whether its result can be written.

    Raises:
        BadInput: no DICOM series can be made of the source, or the folder cannot be written.
        UsageError: the folder holds something.
    """
    if format_ is Format.DICOM:
        refuse_underivable(source)
    size = derived_bytes(source) if format_ is Format.DICOM else source.volume.hu.nbytes // DEFLATION
    check_place(folder, bytes_needed=size)


def write_corrected(
    corrected: Corrected,
    format_: Format,
    folder: Path,
    *,
    window: HuWindow,
    on_slice: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> tuple[Path, ...]:
    """Write into a folder that is new or empty, and give its files; it appears whole or not at all.

    DICOM is a derived series; NIfTI is the volume, its metal mask and the record of how it was made; PNG is every slice
    that is there, seen through `window`. Only DICOM tells of slices and can be cancelled.

    Raises:
        BadInput: no DICOM series can be made of the source, or the folder cannot be written.
        UsageError: the folder holds something.
        Cancelled: `is_cancelled` said yes.
    """
    source, record = corrected.source, corrected.provenance
    refuse_up_front(source, format_, folder)
    if format_ is Format.DICOM:
        derivation = Derivation(
            method=record.method_title,
            version=record.method_version,
            parameters=record.settings(),
            weights=record.weights_sha256,
        )
        return write_derived_series(
            source, corrected.correction_hu, derivation, folder, on_slice=on_slice, is_cancelled=is_cancelled
        ).files
    hu, grid = corrected_hu(source.volume.hu, corrected.correction_hu), source.volume.grid
    if format_ is Format.NIFTI:
        with whole_folder(folder) as part:
            write_nifti(part / "corrected.nii.gz", hu, grid, like=source.nifti)
            write_nifti(part / "metal.nii.gz", corrected.mask, grid, like=source.nifti)
            (part / "provenance.json").write_text(record.to_json(), encoding="utf-8")
        return tuple(folder / name for name in ("corrected.nii.gz", "metal.nii.gz", "provenance.json"))
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
