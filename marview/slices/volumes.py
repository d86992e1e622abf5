"""Any volume a person may name, as HU: a DICOM series, NIfTI, or an array in a file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom.open import open_series
from marview.errors import BadInput


def read_volume(path: Path) -> NDArray[np.float32]:
    """HU, float32, `[z, y, x]`.

    Args:
        path: a folder, zip or file of one DICOM series, a NIfTI file, or an array `[z, y, x]` or `[y, x]` of HU in
            `.npy` or, as `hu`, in `.npz`.

    Raises:
        BadInput: it cannot be read, or holds values that are not numbers.
    """
    hu = _read(path, "hu").astype(np.float32)
    if not np.isfinite(hu).all():
        raise BadInput(f"{path} holds values that are not numbers.")
    return hu


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A mask, bool, `[z, y, x]`: what is not 0 in a volume or, in `.npz`, in the array `mask`."""
    return _read(path, "mask") > 0


def _read(path: Path, name: str) -> NDArray[Any]:
    if path.suffix not in {".npy", ".npz"}:
        loaded = open_series(path)
        if loaded.gaps:
            raise BadInput(f"{path} lacks slice {loaded.gaps[0]}, so it cannot be compared slice by slice.")
        return loaded.volume.hu
    try:
        file = np.load(path, allow_pickle=False)
        array = np.asarray(file if isinstance(file, np.ndarray) else file[name])
    except (OSError, ValueError, KeyError) as reason:
        raise BadInput(f"{path} cannot be read as an array: {reason}.") from reason
    if array.ndim not in {2, 3} or array.dtype.kind not in "buif":
        raise BadInput(f"{path} holds {array.dtype} of shape {array.shape}, not slices [z, y, x].")
    return array if array.ndim == 3 else array[None]
