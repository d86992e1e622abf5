"""Read a command's series into shared memory, which the worker can use without copying."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom import PADDING_HU, LoadedSeries, open_series
from marview.errors import BadInput
from marview.export import gap_note
from marview.mar import SharedArray
from marview.terminal import say


@dataclass(frozen=True, eq=False)
class SharedSeries:
    """A series and the shared memory that contains its HU."""

    loaded: LoadedSeries
    hu: SharedArray


Tell = Callable[[str], None]
"""Function called with each message that the user should read."""


@contextmanager
def shared_series(path: Path, series_uid: str = "", tell: Tell = say) -> Iterator[SharedSeries]:
    """Read a series into shared memory, which is released when the block ends.

    `tell` receives the messages about the series, for example about missing slices.

    Raises:
        BadInput: the series cannot be read, or it has unreliable geometry or HU.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    arrays: list[SharedArray] = []

    def allocate(shape: tuple[int, int, int], dtype: np.dtype[np.int16]) -> NDArray[np.int16]:
        arrays.append(SharedArray.create(shape, dtype))
        return arrays[-1].array

    try:
        loaded = open_series(path, series_uid, allocate=allocate)
        if not loaded.report.is_volume:
            raise BadInput(f"{path} can be viewed but not corrected: {loaded.report.reason}")
        for finding in loaded.report.findings:
            tell(finding.sentence)
        yield SharedSeries(loaded, arrays[-1])
    finally:
        for array in arrays:
            array.close()


def refuse_gaps(loaded: LoadedSeries, *, is_across_gaps: bool, is_nifti: bool = False, tell: Tell = say) -> None:
    """Refuse a series with missing slices, or report the missing slices to `tell` if the user accepts gaps.

    Args:
        loaded: the series.
        is_across_gaps: whether the user accepts missing slices.
        is_nifti: whether the result is NIfTI, which cannot omit slices.
        tell: called with a message about the missing slices.

    Raises:
        BadInput: slices are missing and `is_across_gaps` is False.
    """
    numbers = loaded.volume.grid.slice_numbers
    named = ", ".join(map(str, numbers.sorted(loaded.gaps)))
    if loaded.report.question and not is_across_gaps:
        where = f" (slice {named})" if named else ""
        raise BadInput(
            f"Part of the series is missing or unreadable{where}. Add --across-gaps to correct the slices that are "
            f"present; the result {f'has {PADDING_HU} HU in' if is_nifti else 'leaves out'} the missing slices."
        )
    if named:
        left_out = f"The result leaves out missing or unreadable slices: {named}."
        tell(gap_note(loaded.gaps, numbers) if is_nifti else left_out)
