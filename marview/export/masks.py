"""The metal mask as a file: DICOM SEG, NIfTI or NRRD, by the name it is given."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.atomic import check_file, whole_file
from marview.dicom.read import LoadedSeries
from marview.dicom.segmentation import refuse_unsegmentable, write_segmentation
from marview.errors import UsageError
from marview.export.arrays import write_nifti
from marview.geometry import Grid

MASK_SUFFIXES = (".nii.gz", ".nii", ".dcm", ".nrrd")
"""What the name of a mask's file may end in."""


def refuse_mask_name(path: Path | str, series: LoadedSeries) -> None:
    """Find out before the metal is found whether its mask can be written under a name.

    Raises:
        UsageError: the name ends in none of `MASK_SUFFIXES`, or is a file or in a folder that was read.
        CannotWrite: nothing may be written there.
        BadInput: it asks for a DICOM SEG, and the series is nothing that one could refer to.
    """
    path = Path(path)
    if not path.name.lower().endswith(MASK_SUFFIXES):
        raise UsageError(
            f"{path.name} does not end in .nii.gz, .nii, .nrrd or .dcm: say by its ending whether the mask is to be "
            "NIfTI, NRRD or DICOM SEG."
        )
    if path.suffix.lower() == ".dcm":
        refuse_unsegmentable(series)
    check_file(path)


def write_mask(
    path: Path | str, mask: NDArray[np.bool_], series: LoadedSeries, *, origin: str = "", is_automatic: bool = False
) -> Path:
    """Write a mask, bool `[z, y, x]` on the voxels of `series`: DICOM SEG for .dcm, else NRRD or NIfTI.

    Args:
        path: ends in one of `MASK_SUFFIXES`.
        mask: the metal.
        series: what it was found in.
        origin: how, in words.
        is_automatic: whether no hand took part.

    Raises:
        UsageError: the name has another ending.
        BadInput: the series is nothing a DICOM SEG could refer to, or the mask is empty.
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    refuse_mask_name(path, series)
    if path.suffix.lower() == ".dcm":
        return write_segmentation(path, mask, series, origin=origin, is_automatic=is_automatic)
    if path.suffix.lower() == ".nrrd":
        return write_nrrd(path, mask, series.volume.grid)
    return write_nifti(path, mask, series.volume.grid, like=series.nifti)


def write_nrrd(path: Path | str, mask: NDArray[np.bool_], grid: Grid) -> Path:
    """Write a mask, bool `[z, y, x]`, as NRRD in LPS: 1 is metal, the first axis is x.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    import nrrd

    path = Path(path)
    header = {
        "space": "left-posterior-superior",
        "space directions": grid.affine[:3, [2, 1, 0]].T,
        "space origin": grid.affine[:3, 3],
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
    }
    with whole_file(path) as part:
        nrrd.write(str(part), mask.astype(np.uint8).transpose(2, 1, 0), header, index_order="F")
    return path
