"""The session, which connects all parts of the application that are independent of the window."""

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from marview.dicom import LoadedSeries
from marview.mar import Listing, MarWorker, SinogramRequest, discover
from marview.session.alerts import Alerts
from marview.session.background import Background, Post
from marview.session.beside import Beside
from marview.session.closing import Closing
from marview.session.crosshair import Crosshair
from marview.session.display import View
from marview.session.edits import Edits
from marview.session.exports import Exports
from marview.session.kept_work import KeptWork
from marview.session.library import Library
from marview.session.marking import Marking
from marview.session.mask_files import MaskFiles
from marview.session.measure_files import MeasureFiles, compared
from marview.session.measurement import Measure
from marview.session.measures import Measures
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal
from marview.session.method_comparison import MethodComparison
from marview.session.methods import Methods
from marview.session.open_series import OpenSeries
from marview.session.painting import Painting
from marview.session.picture import Picture
from marview.session.pieces import Pieces
from marview.session.reductions import Reductions
from marview.session.result import Result
from marview.session.results import Results
from marview.session.runs import Runs
from marview.session.safekeeping import Safekeeping
from marview.session.sensitivity import Sensitivity
from marview.session.sensitivity_choice import SweepChoice
from marview.session.settings import Settings
from marview.session.several import Several
from marview.session.sinograms import Sinograms
from marview.session.speeds import Speeds
from marview.session.studies import Studies
from marview.session.study_index import StudyIndex
from marview.session.tools import Tool, Tools
from marview.session.traces import Traces
from marview.session.worker_on_demand import WorkerOnDemand
from marview.text import tr


class Session:
    """State of the application: open series, mask, runs and results.

    Event, sent on the window's thread: `result_changed()` when the displayed result changes, or a result of the
    series in view is added or removed.

    Args:
        post: function that calls another function on the window's thread.
        settings: settings that persist between sessions.
        make_worker: function that starts the worker on first use.
        listings: function that finds the installed methods.
        autosaves: folder of autosaves; None disables autosaves.
        index: file that stores the study index; None disables the index.
    """

    result_changed = Signal()

    def __init__(
        self,
        post: Post,
        settings: Settings,
        make_worker: Callable[[], MarWorker] = MarWorker,
        listings: Callable[[], list[Listing]] = discover,
        autosaves: Path | None = None,
        index: Path | None = None,
    ) -> None:
        self.settings = settings
        self.messages = Messages()
        self.background = Background(post)
        self.view = View()
        self._worker = WorkerOnDemand(make_worker)
        # a worker of their own lets traces follow the brush during a run
        self._tracer = WorkerOnDemand(make_worker)

        # what is open
        self.series = OpenSeries(settings, self.view, self.background)
        self.library = Library(self.background, self.messages, self.series.allocate)
        self.series.follow(self.library)
        self.alerts = Alerts(self.library, self.messages)
        self.beside = Beside(self.library, self.background, self.messages)
        known = None if index is None else StudyIndex(index)
        self.studies = Studies(self.library, self.background, self.messages, settings, known)
        self.crosshair = Crosshair(self.view, lambda: None if self.loaded is None else self.loaded.volume.grid)
        self.measures = Measures(self._compared)
        self.measure_files = MeasureFiles(self.background, self.messages, self.measures, lambda: self.loaded)
        self.sinograms = Sinograms(self._worker, post)

        # what is marked
        self.metal = Metal(self.background, self.messages)
        self.tools = Tools()
        self.painting = Painting(self.metal, self.tools, self.view)
        self.edits = Edits(self.metal, self.tools, self.view, self.messages, self.series.voxel_under_cursor)
        self.pieces = Pieces(self.metal, self.view, self.background, self.messages)
        self.traces = Traces(self._tracer, post, self.metal, self.view, lambda: self.series.hu)
        self.marking = Marking(self.series, self.metal, self.tools, self.traces, self.view)
        self.mask_files = MaskFiles(self.background, self.messages, self.metal)

        # what was run
        self.methods = Methods(self.background, self.messages, settings, self._worker, listings)
        self.runs = Runs(self._worker, self.background, self.messages)
        self.speeds = Speeds(settings)
        self.runs.changed.connect(self.speeds.note)
        self.sensitivity = Sensitivity(self._worker, self.background, self.messages)
        self.kept_results = Results()
        self.kept = KeptWork(self.runs, self.sensitivity, self.metal, self.kept_results, self.measures, self.view)
        self.exports = Exports(self.background)
        self.kept_results.changed.connect(self.result_changed.emit)
        self.library.opened.connect(self.settings.opened)
        self.library.started.connect(self._start)
        self.library.finished.connect(self._finish)
        self.library.emptied.connect(self._empty)
        # connected last, so that a restored mask does not start a search for metal
        self.safekeeping = Safekeeping(
            autosaves,
            self.background,
            self.messages,
            self.library,
            self.metal,
            self.measures,
            self.kept_results,
            self.methods,
            self.runs,
            self.exports,
            self.view,
        )
        self.reductions = Reductions(
            self.series,
            self.metal,
            self.methods,
            self.runs,
            self.sensitivity,
            self.kept_results,
            self.kept,
            self.view,
            self.messages,
            self.safekeeping.save_soon,
        )
        self.comparison = MethodComparison(
            self.reductions,
            self.metal,
            self.methods,
            self.kept_results,
            self.view,
            self.messages,
            self.safekeeping.save_soon,
        )
        self.closing = Closing(self.library, self.runs, self.kept, self.messages, self.safekeeping.let_go)
        self.several = Several(post)

    # -- what is open

    def open(self, *paths: Path) -> None:
        """Open folders, zip archives and files."""
        self.messages.dismiss()
        self.library.open(*paths)

    @property
    def loaded(self) -> LoadedSeries | None:
        """Return the series in view; None if there is none."""
        return self.library.loaded

    def original(self) -> Picture | None:
        """Return the original slice in view; None if no series is open or another one is being opened."""
        return self.series.original()

    def corrected(self) -> Picture | None:
        """Return the corrected slice in view, or the original slice if there is no result."""
        original = self.original()
        if original is None or self.result is None:
            return original
        return Picture(self.result.corrected(original.values, self.view.display.slice_index), original.pixel_mm)

    def set_preset(self, key: int) -> None:
        """Apply the HU window assigned to a number key; 0 applies the window stored in the file."""
        self.series.set_preset(key)

    def want_sinogram(self) -> None:
        """Request the sinogram of the slice in view."""
        loaded, hu, mask = self.loaded, self.series.hu, self.metal.shared
        if loaded is None or hu is None or mask is None or not self.can_project:
            self.sinograms.want(None)
            return
        spacing_mm, slice_index = loaded.volume.grid.spacing_mm, self.view.display.slice_index
        request = SinogramRequest(hu=hu, mask=mask, spacing_mm=spacing_mm, slice_index=slice_index)
        self.sinograms.want(request, self.metal.revision)

    @property
    def can_project(self) -> bool:
        """Return whether slices of the series in view can be projected, which requires a volume in memory."""
        loaded = self.loaded
        is_volume = loaded is not None and loaded.report.is_volume
        return is_volume and self.series.hu is not None and self.metal.shared is not None

    def _compared(self, measure: Measure) -> dict[str, Picture]:
        """Return the compared pictures of a measurement's plane."""
        loaded = self.loaded
        return {} if loaded is None else compared(loaded, self.results, measure)

    # -- mask

    def undo(self) -> None:
        """Undo the last change to the mask, and display a slice that was affected."""
        self.marking.undo()

    def redo(self) -> None:
        """Redo the last undone change, and display a slice that was affected."""
        self.marking.redo()

    # -- what was run

    def reduce(self) -> None:
        """Correct the slices in scope, the one in view first; queue the run if another is running."""
        self.reductions.reduce()

    def retry(self) -> None:
        """Correct the slices that the last run did not reach.

        The method, mask and parameters of the last run are used again.
        """
        self.reductions.retry()

    def sweep(self, choice: SweepChoice) -> None:
        """Run a sweep, which applies the chosen methods to variants of the mask in use."""
        self.reductions.sweep(choice)

    @property
    def unfinished(self) -> Result | None:
        """Return the result of the last run on the series in view if that run stopped early and can be continued."""
        return self.reductions.unfinished

    @property
    def results(self) -> list[Result]:
        """Return the results of the series in view, oldest first."""
        return self.kept_results.of_series

    @property
    def result(self) -> Result | None:
        """Return the result in view; None if there is none."""
        return self.kept_results.in_view

    def show(self, result: Result | None) -> None:
        """Show a result."""
        self.kept_results.show(result)

    @property
    def learns_first(self) -> bool:
        """Return whether a run starts with training on the scan.

        This requires a method that trains on metal-free slices, and a scan with enough of them.
        """
        return self.methods.learns_from(len(self.metal.counts) - len(self.metal.slices))

    @property
    def refusal(self) -> str:
        """Return the reason why the displayed series cannot be corrected, or an empty string if it can."""
        return self.reductions.refusal

    def cancel(self) -> None:
        """Cancel the first active item in this order: unfinished outline, selected tool, run, sweep."""
        if self.painting.is_outlining:
            self.painting.cancel()
        elif self.tools.settings.tool is not Tool.NONE:
            self.tools.update(tool=Tool.NONE)
        elif self.runs.is_running:
            self.runs.cancel()
        else:
            self.sensitivity.cancel()

    # -- closing

    @property
    def unsaved(self) -> list[str]:
        """Describe the unsaved work that closing marview would lose."""
        return self.kept.unsaved + self.several.unsaved

    def close(self) -> None:
        """Stop all work and write the settings; further calls do nothing."""
        if self.background.is_closed():
            return
        self.settings.save()
        self.library.close()
        self.studies.close()
        self.exports.cancel()
        self.runs.close()
        self.several.close()
        self.sensitivity.cancel()
        self.traces.close()
        self.safekeeping.close()
        self._worker.close()
        self._tracer.close()
        self.sensitivity.close()
        self.background.close()
        self.studies.close_index()
        self.kept_results.close()
        self.metal.close()
        self.series.close()

    # -- inside

    def _start(self, loaded: LoadedSeries) -> None:
        """Store the work on the previous series and restore the work on the new one."""
        chosen = self.library.chosen
        self.safekeeping.turn_to(chosen, loaded)
        self.reductions.consent.forget()
        kept = self.kept.turn_to("" if chosen is None else chosen.key, loaded.series.description)
        if self.sensitivity.is_running:
            self.messages.say(Severity.INFO, tr("The sweep was cancelled because another series was opened."))
        self.sensitivity.take(None if kept is None else kept.swept)
        self.tools.update(tool=Tool.NONE)
        self.series.hu = None
        self.sinograms.want(None)
        is_same = kept is not None and kept.metal is not None and kept.metal.shape == loaded.volume.grid.shape
        room = self.series.room_for_mask(loaded.volume.grid.shape)
        self.metal.take(loaded.volume, kept.metal if is_same and kept is not None else None, room)
        self.series.start(loaded, None if kept is None else kept.slice_index)
        self.traces.restart()

    def _finish(self, loaded: LoadedSeries) -> None:
        self.series.finish(loaded)
        if loaded.report.is_volume:
            if self.metal.is_found:
                self.metal.ask_again()
            else:
                self.metal.find()
            self.methods.warm()

    def _empty(self) -> None:
        """Return to the start state after the last series was closed."""
        self.series.hu = None
        self.sinograms.want(None)
        self.sensitivity.take(None)
        self.metal.take(None)
        self.kept.turn_to("", "")
        self.series.empty()
