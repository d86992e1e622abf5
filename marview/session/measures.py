"""The measurements of all open series."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from psygnal import Signal

from marview.session.measured_plane import MeasuredPlane
from marview.session.measurement import Kind, Measure, Point
from marview.session.picture import Picture


class Measures:
    """Measurements of all open series.

    Event, sent on the window's thread: `changed()` when measurements of the series in view change.

    Args:
        pictures: function that returns the compared images of a measurement's plane, starting with the
            original.
    """

    changed = Signal()

    def __init__(self, pictures: Callable[[Measure], dict[str, Picture]]) -> None:
        self.pictures = pictures
        self._by_series: dict[str, list[Measure]] = {}
        self._saved: dict[str, tuple[Measure, ...]] = {}
        self._series = ""

    def turn_to(self, series: str) -> None:
        """Switch to the measurements of another series."""
        self._series = series
        self.changed.emit()

    @property
    def series(self) -> str:
        """Return the key of the series in view."""
        return self._series

    @property
    def listed(self) -> tuple[Measure, ...]:
        """Return the measurements of the series in view, oldest first."""
        return tuple(self._by_series.get(self._series, ()))

    @property
    def unsaved(self) -> int:
        """Return the number of unsaved measurements of all series."""
        return sum(map(self.unsaved_of, self._by_series))

    def of_slice(self, slice_index: int) -> list[Measure]:
        """Return the measurements in a slice of the series in view."""
        return [one for one in self.listed if one.plane is None and one.slice_index == slice_index]

    def of_plane(self, plane: MeasuredPlane) -> list[tuple[Measure, Point]]:
        """Return the measurements in a section of the series in view.

        Each is returned with the shift from its own coordinates to the coordinates of the section.
        """
        shifts = [(one, one.plane.shift_to(plane)) for one in self.listed if one.plane is not None]
        return [(one, shift) for one, shift in shifts if shift is not None]

    def add(self, kind: Kind, slice_index: int, points: Sequence[Point], plane: MeasuredPlane | None = None) -> Measure:
        """Add a measurement in a slice, or in a section if `plane` is given."""
        known = self._by_series.setdefault(self._series, [])
        number = max((one.number for one in known), default=0) + 1
        made = Measure(number, kind, slice_index, tuple(points), plane)
        known.append(made)
        self.changed.emit()
        return made

    def move(self, measure: Measure, points: Sequence[Point]) -> Measure:
        """Change the points of a measurement."""
        moved = replace(measure, points=tuple(points))
        known = self._by_series.get(self._series, [])
        known[:] = [moved if one.number == measure.number else one for one in known]
        self.changed.emit()
        return moved

    def remove(self, measure: Measure | None = None) -> None:
        """Remove a measurement, by default the last one."""
        known = self._by_series.get(self._series, [])
        gone = measure or (known[-1] if known else None)
        if gone is not None:
            known[:] = [one for one in known if one.number != gone.number]
            self.changed.emit()

    def put(self, series: str, measures: Sequence[Measure]) -> None:
        """Add measurements from an earlier session; renumber those whose numbers are already in use."""
        known = self._by_series.setdefault(series, [])
        taken = {one.number for one in known}
        for one in measures:
            number = one.number if one.number not in taken else max(taken) + 1
            taken.add(number)
            known.append(replace(one, number=number))
        self.changed.emit()

    def unsaved_of(self, series: str) -> int:
        """Return the number of unsaved measurements of a series."""
        return sum(one not in self._saved.get(series, ()) for one in self._by_series.get(series, ()))

    def drop(self, series: str) -> None:
        """Remove the measurements of a series."""
        self._by_series.pop(series, None)
        self._saved.pop(series, None)
        self.changed.emit()

    def mark_saved(self, series: str, written: tuple[Measure, ...]) -> None:
        """Mark measurements of a series as saved."""
        if series in self._by_series:
            self._saved[series] = written
