"""The results of all open series."""

from psygnal import Signal

from marview.session.plane_store import PlaneStore
from marview.session.result import Result


class Results:
    """Results of all open series, and the result in view.

    Event, sent on the window's thread: `changed()` when the result in view, or the list of results for the series
    in view, changes.

    Attributes:
        store: storage for all corrections.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.store = PlaneStore()
        self._by_series: dict[str, list[Result]] = {}
        self._in_view: dict[str, Result] = {}
        self._series = ""

    def turn_to(self, series: str) -> None:
        """Switch to the results of another series."""
        self._series = series
        self.changed.emit()

    @property
    def of_series(self) -> list[Result]:
        """Return the results of the series in view, oldest first."""
        return self._by_series.setdefault(self._series, [])

    def of(self, series: str) -> list[Result]:
        """Return the results of a series, oldest first."""
        return list(self._by_series.get(series, ()))

    @property
    def _all(self) -> list[Result]:
        return [result for results in self._by_series.values() for result in results]

    @property
    def in_view(self) -> Result | None:
        """Return the result in view, which may still be incomplete."""
        return self._in_view.get(self._series)

    def in_view_of(self, series: str) -> Result | None:
        """Return the result that is shown when a series comes into view."""
        return self._in_view.get(series)

    @property
    def unsaved(self) -> list[Result]:
        """Return the unexported results of all series."""
        return [result for result in self._all if result.done and not result.is_exported]

    def show(self, result: Result | None) -> None:
        """Show a result of the series in view."""
        if result is self.in_view:
            return
        if result is None:
            self._in_view.pop(self._series, None)
        else:
            self._in_view[result.series] = result
        self.changed.emit()

    def keep(self, result: Result) -> None:
        """Add the result of a finished run."""
        results = self._by_series.setdefault(result.series, [])
        if result not in results:
            results.append(result)
            if result.series == self._series:
                self.changed.emit()

    def replace(self, result: Result, before: Result | None) -> None:
        """If `result` is the result in view for its series, show `before` instead."""
        if self._in_view.get(result.series) is not result:
            return
        if before is None:
            self._in_view.pop(result.series)
        else:
            self._in_view[result.series] = before
        if result.series == self._series:
            self.changed.emit()

    def unsaved_of(self, series: str) -> list[Result]:
        """Return the unexported results of a series."""
        return [result for result in self.unsaved if result.series == series]

    def drop(self, series: str) -> None:
        """Release the results of a series."""
        for result in self._by_series.pop(series, []):
            result.close()
        if self._in_view.pop(series, None) is not None and series == self._series:
            self.changed.emit()

    def close(self) -> None:
        """Release all results."""
        for result in {id(one): one for one in (*self._all, *self._in_view.values())}.values():
            result.close()
        self._by_series.clear()
        self._in_view.clear()
