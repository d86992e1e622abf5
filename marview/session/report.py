"""Collect the contents of the one-page report: key slices, measurements and provenance of the result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marview.dicom import LoadedSeries
from marview.session.exports import CAUTION
from marview.session.measure_files import compared
from marview.session.measurement import REGIONS, Measure, place_words, words
from marview.session.picture import Picture, edge_letters
from marview.session.result import Result
from marview.text import tr
from marview.volume.window import HuWindow

MOST_SLICES, MOST_ROWS = 3, 12
APART = 3
"""Smallest distance, in slices, between key slices that are chosen because of their metal."""


@dataclass(frozen=True, eq=False)
class KeySlice:
    """Key slice of the report: original and corrected, HU `[y, x]`.

    Attributes:
        exception: title of the corrected image if its method differs from the one in the report;
            otherwise empty.
    """

    number: int
    original: Picture
    corrected: Picture
    exception: str = ""

    @property
    def difference(self) -> Picture:
        """Return the corrected slice minus the original."""
        change = self.corrected.values.astype(np.int32) - self.original.values
        return Picture(np.clip(change, -32768, 32767).astype(np.int16), self.original.pixel_mm)


@dataclass(frozen=True, eq=False)
class Report:
    """Contents of the one-page report.

    Attributes:
        heading: lines that identify the patient; empty if the name is hidden.
        slices: key slices.
        letters: orientation letters at the left, right, top and bottom edges of a slice.
        method: title of the method.
        rows: rows of the measurement table: name, position, original, corrected.
        left_out: number of measurements that did not fit into the table.
        made: description of how the result was produced.
        caution: warning at the foot of the page.
    """

    heading: tuple[str, ...]
    slices: tuple[KeySlice, ...]
    letters: tuple[str, str, str, str]
    window: HuWindow
    method: str
    rows: tuple[tuple[str, str, str, str], ...]
    left_out: int
    made: str
    caution: str = CAUTION


def make_report(
    loaded: LoadedSeries,
    result: Result,
    measures: Sequence[Measure],
    slice_index: int,
    window: HuWindow,
    heading: Sequence[str],
) -> Report:
    """Create the report for a result.

    Args:
        loaded: series that was corrected.
        result: result of the series.
        measures: measurements of the series.
        slice_index: index of the slice in view, which is the first key slice.
        window: HU window of the images.
        heading: lines that identify the patient.
    """
    grid = loaded.volume.grid
    numbers = grid.slice_numbers
    key = key_slices(result, measures, slice_index)
    pixel_mm = grid.spacing_mm[1:]

    def key_slice(z: int) -> KeySlice:
        original, title = loaded.volume.hu[z], result.title_of(z)
        corrected = Picture(result.corrected(original, z), pixel_mm)
        exception = "" if title == tr(result.title) else title
        return KeySlice(numbers.number(z), Picture(original, pixel_mm), corrected, exception)

    slices = tuple(map(key_slice, key))
    return Report(
        heading=(*heading, loaded.series.description),
        slices=slices,
        letters=edge_letters(grid),
        window=window,
        method=f"{tr(result.title)} {result.version}",
        rows=tuple(_row(one, loaded, result, numbers.number(one.slice_index)) for one in measures[:MOST_ROWS]),
        left_out=max(0, len(measures) - MOST_ROWS),
        made=result.provenance().text(),
    )


def key_slices(result: Result, measures: Sequence[Measure], slice_index: int) -> list[int]:
    """Return the indices of at most three key slices.

    The slice in view comes first, then slices with measured regions, then the corrected slices with the most
    metal.
    """
    with_regions = [one.slice_index for one in measures if one.plane is None and one.kind in REGIONS]
    chosen = list(dict.fromkeys([slice_index, *with_regions]))
    metal = {z: int(np.count_nonzero(result.mask[z])) for z in result.done}
    for z in sorted(metal, key=lambda z: -metal[z]):
        if all(abs(z - other) >= APART for other in chosen):
            chosen.append(z)
    return chosen[:MOST_SLICES]


def _row(measure: Measure, loaded: LoadedSeries, result: Result, number: int) -> tuple[str, str, str, str]:
    original, corrected = compared(loaded, [result], measure).values()
    before, found = words(measure, original), measure.statistics(original) if measure.kind in REGIONS else None
    if found is not None:
        measured = (found.mean_hu, found.deviation_hu, measure.area_mm2)
        before = tr("mean {:.1f} HU, SD {:.1f}, {:.1f} mm²").format(*measured)
    after = words(measure, corrected, original).split("\n")[0] if "HU" in before else ""
    return measure.title, place_words(measure, number), before, after
