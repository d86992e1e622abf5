"""Read volumes in HU from DICOM series, NIfTI files and arrays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries, mask_file
from marview.dicom.mask_file import MaskFile
from marview.dicom.open import open_series
from marview.dicom.source import open_regular
from marview.errors import DAMAGED_ARRAYS, BadInput
from marview.slices.reason import in_words

ARRAYS = {".npy", ".npz"}


@dataclass(frozen=True, eq=False)
class AnyVolume:
    """A volume, with its position in the patient if known.

    Attributes:
        hu: float32, `[z, y, x]`.
        series: loaded series with the grid of the volume; None for an array, which has no position.
    """

    hu: NDArray[np.float32]
    series: LoadedSeries | None = None


def open_volume(path: Path) -> AnyVolume:
    """Open a volume with its position.

    Args:
        path: folder, zip archive or single file of a DICOM series; NIfTI file; or HU array `[z, y, x]` or
            `[y, x]` in an `.npy` file or, named `hu`, in an `.npz` file.

    Raises:
        BadInput: the file cannot be read, contains non-finite values, lacks slices, or has unreliable geometry or HU.
    """
    if path.suffix in ARRAYS:
        hu = read_array(path, "hu").astype(np.float32)
        if not np.isfinite(hu).all():
            raise BadInput(f"{path} contains non-finite values.")
        return AnyVolume(hu)
    series = open_series(path)
    if not series.report.is_volume:
        raise BadInput(f"{path} can only be viewed: {series.report.reason}")
    if series.gaps:
        first = series.volume.grid.slice_numbers.sorted(series.gaps)[0]
        raise BadInput(f"{path} is missing slice {first}, so it cannot be compared slice by slice.")
    return AnyVolume(series.volume.hu.astype(np.float32), series)


def read_volume(path: Path) -> NDArray[np.float32]:
    """Read a volume as float32 HU, `[z, y, x]`, from any file that `open_volume` accepts.

    Raises:
        BadInput: as for `open_volume`.
    """
    return open_volume(path).hu


def read_mask(path: Path, volume: AnyVolume) -> MaskFile:
    """Read a mask and resample it to the voxels of a volume.

    Args:
        path: DICOM SEG, NIfTI or NRRD file, placed by its position in the patient; or array with one
            value for each voxel of the volume, in an `.npy` file or, named `mask`, in an `.npz` file.
            Values above 0 in the array are metal.
        volume: volume to which the mask belongs.

    Raises:
        BadInput: the file cannot be read or is not a mask of this volume.
    """
    if path.suffix in ARRAYS:
        return MaskFile(read_array(path, "mask") > 0)
    if volume.series is None:
        raise BadInput(
            f"The mask {path} has a position in the patient, but the volume is an array without a position. Specify "
            "arrays for both, or a series or NIfTI file for the volume."
        )
    return mask_file.read_mask(path, volume.series)


def read_array(path: Path, name: str) -> NDArray[Any]:
    """Read an array of slices, `[z, y, x]`, unchanged, including NaN and infinite values.

    Args:
        path: `.npy` or `.npz` file.
        name: name of the array in an `.npz` file.

    Raises:
        BadInput: the file cannot be read, or has no array with this name.
    """
    try:
        with open_regular(path) as stream:  # NumPy does not close a damaged file
            file = np.load(stream, allow_pickle=False)
            array = np.asarray(file if isinstance(file, np.ndarray) else file[name])
    except DAMAGED_ARRAYS as reason:
        raise BadInput(f"{path} cannot be read: {in_words(reason, 'it is not an array file')}.") from reason
    except KeyError as reason:
        raise BadInput(f"{path} contains no array named {name}.") from reason
    if array.ndim not in {2, 3} or array.dtype.kind not in "buif":
        raise BadInput(f"{path} contains {array.dtype} of shape {array.shape}, not slices [z, y, x].")
    return array if array.ndim == 3 else array[None]
