"""The series a verb works on, read into shared memory so that the worker sees it without a copy."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries, open_series
from marview.errors import BadInput
from marview.mar import SharedArray


@dataclass(frozen=True, eq=False)
class SharedSeries:
    """A series and the shared memory its HU lie in."""

    loaded: LoadedSeries
    hu: SharedArray


Tell = Callable[[str], None]
"""Hears sentences that the person should read."""


def say(sentence: str) -> None:
    """Print a sentence on standard error."""
    print(f"marview: {sentence}", file=sys.stderr)


@contextmanager
def shared_series(path: Path, series_uid: str = "", tell: Tell = say) -> Iterator[SharedSeries]:
    """Read a series that a method may be run on; `tell` hears its findings.

    Raises:
        BadInput: it cannot be read, or its geometry or HU cannot be relied on.
    """
    if not path.exists():
        raise BadInput(f"{path} is not there.")
    arrays: list[SharedArray] = []

    def allocate(shape: tuple[int, int, int], dtype: np.dtype[np.int16]) -> NDArray[np.int16]:
        arrays.append(SharedArray.create(shape, dtype))
        return arrays[-1].array

    try:
        loaded = open_series(path, series_uid, allocate=allocate)
        if not loaded.report.is_volume:
            raise BadInput(f"{path} can only be looked at: {loaded.report.reason}")
        for finding in loaded.report.findings:
            tell(finding.sentence)
        yield SharedSeries(loaded, arrays[-1])
    finally:
        for array in arrays:
            array.close()


def refuse_gaps(loaded: LoadedSeries, *, is_across_gaps: bool, tell: Tell = say) -> None:
    """Accept missing slices only where the person asked for it, and then name them to `tell`.

    Raises:
        BadInput: slices are missing, and `is_across_gaps` does not say to go over them.
    """
    named = ", ".join(map(str, loaded.volume.grid.slice_numbers.sorted(loaded.gaps)))
    if loaded.report.question and not is_across_gaps:
        where = f" (slice {named})" if named else ""
        raise BadInput(
            f"Part of the series is not there or not readable{where}. Say --across-gaps to correct the slices that are "
            "there; the result leaves the others out."
        )
    if named:
        tell(f"Missing or unreadable, so the result leaves it out: slice {named}.")


def share(values: NDArray[np.bool_]) -> SharedArray:
    """A copy of an array that the worker sees; its caller closes it."""
    shared = SharedArray.create(values.shape, values.dtype)
    shared.array[:] = values
    return shared
