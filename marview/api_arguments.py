"""Check the arguments of the Python API, and refuse wrong ones."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries
from marview.errors import BadInput, UsageError
from marview.geometry import SliceNumbers
from marview.volume import Volume
from marview.volume.checked_mask import checked_mask


def volume_of(volume: Volume | LoadedSeries) -> Volume:
    """Return the volume of an argument that must be a volume or the result of `read`.

    Raises:
        UsageError: it is neither.
        BadInput: the geometry or the HU of the series are unreliable.
    """
    if isinstance(volume, str | Path):
        raise UsageError(f"Expected a volume, not a path. Read it first: marview.read({str(volume)!r}).")
    if not isinstance(volume, Volume | LoadedSeries):
        raise UsageError(
            f"Expected a volume, not {type(volume).__name__}. Create one: marview.Volume(hu, grid), or use "
            "marview.read."
        )
    if isinstance(volume, Volume):
        return volume
    if not volume.report.is_volume:
        raise BadInput(volume.report.reason)
    return volume.volume


def refuse_wrong_method(method: object, parameters: object) -> None:
    """Refuse a method that is not an identifier, and parameters that are not a dictionary.

    Raises:
        UsageError: the message names the argument.
    """
    if not isinstance(method, str):
        raise UsageError(f"A method must be an identifier, such as 'nmar', not {method!r}.")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise UsageError(f"Parameters must be a dictionary of names and values, not {type(parameters).__name__}.")


def refuse_gaps(series: LoadedSeries) -> None:
    """Refuse a series with missing slices.

    Raises:
        BadInput: the message lists the slices.
    """
    if series.report.question:
        missing = slice_names(series.gaps, series.volume.grid.slice_numbers)
        where = f": {missing}" if missing else ""
        raise BadInput(
            f"Part of the series is missing or unreadable{where}. Pass across_gaps=True to correct the slices that are "
            "present. write_dicom leaves out the missing slices; write_nifti writes them as -1024 HU."
        )


def slice_names(indices: Sequence[int], numbering: SliceNumbers) -> str:
    """Return slice numbers and array indices, in order of the numbers, for a message."""
    return ", ".join(f"slice {numbering.number(z)} (index {z})" for z in sorted(indices, key=numbering.number))


def refuse_no_number(value: object, must_be: str) -> None:
    """Refuse a value that is not a finite number.

    Raises:
        UsageError: the message begins with `must_be`.
    """
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise UsageError(f"{must_be}, not {value!r}.")


def mask_of(metal: object) -> NDArray[np.bool_]:
    """Return a mask as a bool array.

    Raises:
        UsageError: it is a path, or contains values other than 0 and 1.
    """
    if isinstance(metal, str | Path):
        raise UsageError(
            f"A mask must be an array, not a path. Read it first: marview.read({str(metal)!r}).volume.hu > 0."
        )
    return checked_mask(metal)


def with_metal(mask: NDArray[np.bool_], slices: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of the chosen slices that contain metal; all slices with metal if none is chosen.

    Raises:
        UsageError: an index is not an integer or does not exist.
    """
    try:
        chosen = tuple(map(operator.index, slices)) or range(len(mask))
    except TypeError:
        raise UsageError(f"Slices must be a list of indices, such as [16], not {slices!r}.") from None
    if outside := [z for z in chosen if not 0 <= z < len(mask)]:
        raise UsageError(f"Slice index {outside[0]} is out of range; valid indices are 0 to {len(mask) - 1}.")
    return tuple(z for z in chosen if mask[z].any())
