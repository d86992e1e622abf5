"""Protect the user's work from a crash: save it while marview runs, and offer to restore it at the next start."""

from collections.abc import Callable
from pathlib import Path

from marview.dicom import LoadedSeries
from marview.session.autosave import Autosave
from marview.session.autosave_store import AutosaveStore, Work
from marview.session.background import Background
from marview.session.display import View
from marview.session.entries import Entry
from marview.session.exports import Exports
from marview.session.job import Job
from marview.session.library import Library
from marview.session.measure_record import record_of
from marview.session.measures import Measures
from marview.session.messages import Messages
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.recovery import Recovery
from marview.session.results import Results
from marview.session.runs import Runs


class Safekeeping:
    """Link between the session and its autosave and recovery; it does nothing without a folder.

    Attributes:
        autosave: object that writes the autosaves; None without a folder.
        recovery: object that offers to restore autosaves after a crash; None without a folder.

    Args:
        folder: folder for autosaves; None to save nothing.
    """

    def __init__(
        self,
        folder: Path | None,
        background: Background,
        messages: Messages,
        library: Library,
        metal: Metal,
        measures: Measures,
        results: Results,
        methods: Methods,
        runs: Runs,
        exports: Exports,
        view: View,
    ) -> None:
        self.autosave: Autosave | None = None
        self.recovery: Recovery | None = None
        self._in_view: tuple[Entry, LoadedSeries] | None = None
        self._measures = measures
        self._methods = methods
        self._view = view
        if folder is None:
            return
        store = AutosaveStore(folder)
        has_runs: Callable[[str], bool] = lambda key: any(job.result.series == key for job in runs.queue)  # noqa: E731
        self.autosave = Autosave(store, metal, measures, self.work, results.of, has_runs)
        self.recovery = Recovery(store, background, messages, library, metal, measures, results, methods, view)
        runs.changed.connect(self._keep_result)
        exports.changed.connect(lambda state: self.save_soon() if state.is_over else None)

    def save_soon(self) -> None:
        """Write an autosave in the background."""
        if self.autosave is not None:
            self.autosave.save_soon()

    def turn_to(self, entry: Entry | None, loaded: LoadedSeries) -> None:
        """Save the work on the series in view before another series is displayed."""
        if self.autosave is not None:
            self.autosave.leave()
        self._in_view = None if entry is None else (entry, loaded)

    def let_go(self, series: str) -> None:
        """Remove the autosave of a closed series."""
        if self._in_view is not None and self._in_view[0].key == series:
            self._in_view = None
        if self.autosave is not None:
            self.autosave.drop(series)

    def close(self) -> None:
        """End the session normally, and remove its autosaves."""
        if self.autosave is not None:
            self.autosave.close()

    def work(self) -> Work | None:
        """Return the state that an autosave stores in addition to the mask; None if no series is in view."""
        if self._in_view is None:
            return None
        (chosen, loaded), method = self._in_view, self._methods.current
        grid = loaded.volume.grid
        return Work(
            path=str(chosen.series.path.absolute()),
            key=chosen.key,
            shape=grid.shape,
            affine=tuple(float(value) for value in grid.affine.ravel()),
            origin="",
            slice_index=self._view.display.slice_index,
            method="" if method is None else method.id,
            parameters={} if method is None else self._methods.values(method.id),
            measures=[record_of(one) for one in self._measures.listed],
        )

    def _keep_result(self, job: Job) -> None:
        if self.autosave is not None and job.state.is_over:
            self.autosave.keep_result(job.result)
