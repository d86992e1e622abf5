"""Write volumes and masks as NIfTI, and arrays as npz."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import nibabel as nib
import numpy as np
from nibabel.openers import ImageOpener
from numpy.typing import NDArray

from marview.dicom.atomic import whole_file
from marview.dicom.encode import MAKER
from marview.dicom.nifti import affine_mm, open_nifti
from marview.errors import UsageError
from marview.geometry import Grid
from marview.geometry.orientation import RAS_TO_LPS, layout_onto
from marview.volume.correction import Planes, corrected

DEFLATION = 8
"""Compression ratio assumed when estimating the disk space of NIfTI and PNG; air needs almost no space."""


def corrected_hu(hu: NDArray[np.int16], correction_hu: Planes) -> NDArray[np.int16]:
    """Return the corrected volume, int16 HU `[z, y, x]`; voxels with zero correction are unchanged.

    >>> corrected_hu(np.array([[[40, 40]]], np.int16), np.array([[[0, -90.6]]], np.float32)).tolist()
    [[[40, -51]]]
    """
    result = hu.copy()
    for z in range(len(hu)):
        change = correction_hu[z]
        if change.any():
            result[z] = corrected(hu[z], change)
    return result


def write_nifti(path: Path | str, values: NDArray[Any], grid: Grid, *, like: Path | None = None) -> Path:
    """Write values `[z, y, x]` as NIfTI in RAS; bool becomes uint8.

    Args:
        path: output file, NAME.nii or NAME.nii.gz.
        values: int16 HU, a bool mask or float32.
        grid: grid of the voxels, in LPS.
        like: NIfTI file with the same voxels; the new file copies its axis order and affine.

    Raises:
        UsageError: the name does not end in .nii or .nii.gz.
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise UsageError(f"{path.name} does not end in .nii or .nii.gz.")
    if values.shape != grid.shape:
        raise ValueError(f"values of shape {values.shape} on a grid of shape {grid.shape}")
    values = values.astype(np.uint8) if values.dtype == np.bool_ else values
    if like is None:
        stored, affine = values.transpose(2, 1, 0), RAS_TO_LPS @ grid.affine[:, [2, 1, 0, 3]]
    else:
        source, layout = open_nifti(like)
        affine = affine_mm(source, like)
        stored = layout_onto(grid, layout.file_shape, affine).from_zyx(values)
    image: Any = nib.Nifti1Image(  # type: ignore[no-untyped-call]
        np.ascontiguousarray(stored), affine, dtype=stored.dtype
    )
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1 if _is_rigid(affine) else 0, strip_shears=True)
    image.header["descrip"] = f"{MAKER}: not for primary diagnosis".encode()
    with (
        whole_file(path) as part,
        ImageOpener(str(part), "wb") as stream,
    ):  # nib.save leaves its file open after an error
        image.to_stream(stream)
    return path


def _is_rigid(affine: NDArray[np.float64]) -> bool:
    """Return whether axes are orthogonal; unlike an sform, a NIfTI qform cannot represent a shear (tilted gantry)."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(directions.T @ directions - np.eye(3)).max() < 1e-4)


def write_npz(path: Path | str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write named arrays as a compressed npz.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    with whole_file(path) as part:
        with part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        with ZipFile(part, "a") as archive:
            archive.comment = MAKER.encode()
    return path
