"""Export the measurements of the series in view as CSV or DICOM SR, depending on the file extension."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from marview.dicom import LoadedSeries
from marview.dicom.measurement_report import ImageValues, ReportedMeasure, Shape, write_measurement_report
from marview.export.tables import write_csv
from marview.geometry import Grid
from marview.session.background import Background
from marview.session.measurement import REGIONS, Kind, Measure, rows
from marview.session.measures import Measures
from marview.session.messages import Messages, Severity
from marview.session.picture import Picture
from marview.session.result import CorrectedHu, Result
from marview.text import tr, translatable

SR_SUFFIX = ".dcm"
SHAPES: dict[Kind, Shape] = {
    Kind.PROBE: "POINT",
    Kind.ELLIPSE: "ELLIPSE",
    Kind.RECTANGLE: "POLYGON",
    Kind.REGION: "POLYGON",
}
"""DICOM graphic types of measurements other than lines."""


class MeasureFiles:
    """Background export of measurements; a failed export does not leave an incomplete file behind."""

    def __init__(
        self,
        background: Background,
        messages: Messages,
        measures: Measures,
        loaded: Callable[[], LoadedSeries | None],
    ) -> None:
        self._background = background
        self._messages = messages
        self._measures = measures
        self._loaded = loaded

    def export(self, path: Path) -> None:
        """Write one line (CSV) or one measurement group (SR) for each measurement in each compared image."""
        loaded, listed = self._loaded(), self._measures.listed
        if loaded is None or not listed:
            self._messages.say(Severity.WARNING, tr("There is no measurement to export: measure something first."))
            return
        series = self._measures.series
        numbers, pictures = loaded.volume.grid.slice_numbers, self._measures.pictures

        def table() -> list[dict[str, Any]]:
            return [row for one in listed for row in rows(one, numbers.number(one.slice_index), pictures(one))]

        def work() -> Path:
            if path.suffix.lower() != SR_SUFFIX:
                return write_csv(path, table())
            reported = [reported_measure(one, pictures(one), loaded.volume.grid) for one in listed]
            return write_measurement_report(path, reported, loaded)

        def done(written: Path) -> None:
            self._measures.mark_saved(series, listed)
            self._messages.say(Severity.SUCCESS, tr("The measurements were written to {}.").format(written.name))

        self._background.run(work, done, self._messages.error)


def compared(loaded: LoadedSeries, results: list[Result], measure: Measure) -> dict[str, Picture]:
    """Return the images of a measurement's plane in the original and in each result, keyed by title."""
    volume, plane, z = loaded.volume, measure.plane, measure.slice_index

    def picture(result: Result | None) -> Picture:
        if plane is not None:
            return plane.picture(volume.hu if result is None else CorrectedHu(volume.hu, result))
        values = volume.hu[z] if result is None else result.corrected(volume.hu[z], z)
        return Picture(values, volume.grid.spacing_mm[1:])

    numbered = {f"{number} {result.title}": result for number, result in enumerate(results, start=1)}
    return {translatable("Original"): picture(None)} | {title: picture(result) for title, result in numbered.items()}


def image_words(title: str) -> str:
    """Translate the title of a compared image, such as "Original" or "2 Normalized MAR"."""
    number, _, method = title.partition(" ")
    return f"{number} {tr(method)}" if method else tr(title)


def reported_measure(measure: Measure, pictures: dict[str, Picture], grid: Grid) -> ReportedMeasure:
    """Convert a measurement to the form written to a DICOM structured report (SR)."""
    return ReportedMeasure(
        name=measure.name,
        shape=SHAPES.get(measure.kind, "POLYLINE"),
        points=_corners(measure).to_lps(grid),
        slices=(measure.slice_index,) if measure.plane is None else (),
        values=tuple(_values(measure, title, picture) for title, picture in pictures.items()),
    )


def _values(measure: Measure, title: str, picture: Picture) -> ImageValues:
    if measure.kind in {Kind.LENGTH, Kind.PROFILE}:
        return ImageValues(title, length_mm=measure.length_mm)
    if measure.kind is Kind.ANGLE:
        return ImageValues(title, angle_deg=measure.angle_deg)
    if measure.kind is Kind.PROBE:
        return ImageValues(title, mean_hu=picture.value_at(*measure.points[0]))
    found = measure.statistics(picture)
    if found is None:
        return ImageValues(title, area_mm2=measure.area_mm2)
    return ImageValues(
        title,
        area_mm2=measure.area_mm2,
        mean_hu=found.mean_hu,
        sd_hu=found.deviation_hu,
        min_hu=found.lowest_hu,
        max_hu=found.highest_hu,
    )


def _corners(measure: Measure) -> Measure:
    """Return the points of a measurement as in DICOM SR: the corners of a rectangle, the axis ends of an ellipse."""
    if measure.kind not in REGIONS or measure.kind is Kind.REGION:
        return measure
    (x0, y0), (x1, y1) = measure.points[:2]
    if measure.kind is Kind.RECTANGLE:
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    else:
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        across, down = [(x0, y), (x1, y)], [(x, y0), (x, y1)]
        points = across + down if abs(x1 - x0) >= abs(y1 - y0) else down + across
    return Measure(measure.number, Kind.REGION, measure.slice_index, tuple(points), measure.plane)
