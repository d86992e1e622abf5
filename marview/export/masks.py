"""Write the metal mask as DICOM SEG, NIfTI or NRRD; the file extension selects the format."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.atomic import check_file, whole_file
from marview.dicom.encode import MAKER
from marview.dicom.read import LoadedSeries
from marview.dicom.segmentation import refuse_unsegmentable, write_segmentation
from marview.errors import UsageError
from marview.export.arrays import write_nifti
from marview.geometry import Grid

MASK_SUFFIXES = (".nii.gz", ".nii", ".dcm", ".nrrd")
"""File extensions of masks."""


def refuse_mask_name(path: Path | str, series: LoadedSeries) -> None:
    """Check, before the search for metal starts, whether the mask can be written to a file.

    Raises:
        UsageError: the extension is not in `MASK_SUFFIXES`, or the output file or its folder was
            read as input.
        CannotWrite: the location is not writable.
        BadInput: a DICOM SEG cannot reference this series.
    """
    path = Path(path)
    if not path.name.lower().endswith(MASK_SUFFIXES):
        raise UsageError(
            f"{path.name} does not end in .nii.gz, .nii, .nrrd or .dcm. The extension selects NIfTI, NRRD or DICOM SEG."
        )
    if path.suffix.lower() == ".dcm":
        refuse_unsegmentable(series)
    check_file(path)


def write_mask(
    path: Path | str, mask: NDArray[np.bool_], series: LoadedSeries, *, origin: str = "", is_automatic: bool = False
) -> Path:
    """Write a mask on the grid of `series`: DICOM SEG for .dcm, otherwise NRRD or NIfTI.

    Args:
        path: output file with an extension in `MASK_SUFFIXES`.
        mask: metal mask, bool `[z, y, x]`.
        series: series to which the mask belongs.
        origin: description of how the metal was found.
        is_automatic: whether the mask is fully automatic, without manual edits.

    Raises:
        UsageError: the file has another extension.
        BadInput: a DICOM SEG cannot reference the series, or the mask is empty.
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
    """Write a mask, bool `[z, y, x]`, as NRRD in LPS; 1 is metal, and the first axis is x.

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
        "content": f"{MAKER}: metal mask",
    }
    with whole_file(path) as part:
        nrrd.write(str(part), mask.astype(np.uint8).transpose(2, 1, 0), header, index_order="F")
    return path
