"""The application without a window: its parts, and what one means for the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.dicom import LoadedSeries
from marview.errors import BadInput, MarviewError
from marview.export.tables import write_csv
from marview.mar import Listing, MarWorker, ReduceRequest, SharedArray, SinogramRequest, discover
from marview.mar.messages import Device
from marview.mar.sweep import SweepInput
from marview.session.autosave import Autosave
from marview.session.autosave_store import AutosaveStore, Work
from marview.session.background import Background, Post
from marview.session.crosshair import Crosshair
from marview.session.display import SOFT_TISSUE, Display, Overlay, View
from marview.session.edits import Edits
from marview.session.exports import Exports
from marview.session.kept_work import KeptWork
from marview.session.library import Entry, Library
from marview.session.mask_files import MaskFiles
from marview.session.measures import Measures, rows
from marview.session.messages import Messages, Question, Severity
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.painting import Painting
from marview.session.picture import Picture
from marview.session.pieces import Pieces
from marview.session.presets import preset_of_key
from marview.session.recovery import Recovery
from marview.session.result import KeptMask, Result
from marview.session.results import Results
from marview.session.runs import Job, Runs
from marview.session.sensitivity import Sensitivity
from marview.session.sensitivity_choice import SweepChoice, known_truth, refuse_too_large
from marview.session.settings import Settings, body_part_of
from marview.session.sinograms import Sinograms
from marview.session.tools import Tool, Tools, ToolSettings
from marview.session.traces import Traces
from marview.volume.box import Box
from marview.volume.mask import refuse_unusable
from marview.volume.window import HuWindow


class Session:
    """Holds the parts together: library, view, metal, methods, runs, results.

    Event, on the window's thread: `result_changed()` when another result is in view, or none.

    Args:
        post: makes a call on the window's thread.
        settings: what is remembered.
        make_worker: makes the worker, when it is first needed.
        listings: finds the installed methods.
        autosaves: where the mask is kept against a crash; nowhere where None.
    """

    result_changed = Signal()

    def __init__(
        self,
        post: Post,
        settings: Settings,
        make_worker: Callable[[], MarWorker] = MarWorker,
        listings: Callable[[], list[Listing]] = discover,
        autosaves: Path | None = None,
    ) -> None:
        self.settings = settings
        self.messages = Messages()
        self.background = Background(post)
        self.view = View()
        self.library = Library(self.background, self.messages, self._allocate)
        self.metal = Metal(self.background, self.messages)
        self.crosshair = Crosshair(self.view, lambda: None if self.loaded is None else self.loaded.volume.grid)
        self.tools = Tools()
        self.painting = Painting(self.metal, self.tools, self.view)
        self.edits = Edits(self.metal, self.tools, self.view, self.messages, self.voxel_under_cursor)
        self.pieces = Pieces(self.metal, self.view, self.background, self.messages)
        self.traces = Traces(self._get_tracer, post, self.metal, self.view, lambda: self._hu)
        self.methods = Methods(self.background, self.messages, settings, self._get_worker, listings)
        self.runs = Runs(self._get_worker, post, self.messages)
        self.sensitivity = Sensitivity(self._get_worker, self.background, self.messages)
        self.exports = Exports(self.background)
        self.sinograms = Sinograms(self._get_worker, post)
        self.mask_files = MaskFiles(self.background, self.messages, self.metal)
        self.autosave: Autosave | None = None
        self.recovery: Recovery | None = None
        self.kept_results = Results()
        self.measures = Measures(self._compared)
        self.kept = KeptWork(self.runs, self.sensitivity, self.metal, self.kept_results, self.measures, self.view)
        self._hu_in_run: SharedArray | None = None
        self._unlooked: int | None = None
        self._make_worker = make_worker
        self._worker: MarWorker | None = None
        self._tracer: MarWorker | None = None
        self._allocated: list[SharedArray] = []
        self._hu: SharedArray | None = None
        self._asked: Question | None = None
        self._is_across_gaps = self._is_reduced_again = False
        self.kept_results.changed.connect(self.result_changed.emit)
        self.library.opened.connect(self.settings.opened)
        self.library.started.connect(self._start)
        self.library.finished.connect(self._finish)
        self.library.emptied.connect(self._empty)
        self.view.changed.connect(self._remember_window)
        self.metal.changed.connect(self._show_metal)
        self.tools.changed.connect(self._take_tool)
        if autosaves is not None:
            store = AutosaveStore(autosaves)
            self.autosave = Autosave(store, self.metal, self._work)
            self.recovery = Recovery(
                store, self.background, self.messages, self.library, self.metal, self.methods, self.view
            )

    # -- what is open

    def open(self, path: Path) -> None:
        """Open a folder, zip or file."""
        self.messages.dismiss()
        self.library.open(path)

    @property
    def loaded(self) -> LoadedSeries | None:
        """The series in view."""
        return self.library.loaded

    @property
    def results(self) -> list[Result]:
        """The results of the series in view, the oldest first."""
        return self.kept_results.of_series

    @property
    def result(self) -> Result | None:
        """The result in view."""
        return self.kept_results.in_view

    @property
    def learns_first(self) -> bool:
        """Whether a run begins with learning from the slices without metal, of which the scan has enough."""
        return self.methods.learns_from(len(self.metal.counts) - len(self.metal.slices))

    @property
    def refusal(self) -> str:
        """Why artifacts of the series in view cannot be reduced; empty where they can."""
        loaded = self.loaded
        if loaded is None or self._hu is None:
            return "No series is open." if loaded is None else "The series is still being read."
        if not loaded.report.is_volume:
            return loaded.report.reason
        return "" if self.metal.is_present else "No metal is marked: find it, or set a threshold."

    def original(self) -> Picture | None:
        """The slice in view as it was read; None where there is none, also while another series takes over."""
        loaded = self.loaded
        if loaded is None or self.view.display.slice_index >= len(loaded.volume.hu):
            return None
        spacing = loaded.volume.grid.spacing_mm
        return Picture(loaded.volume.hu[self.view.display.slice_index], spacing[1:])

    def corrected(self) -> Picture | None:
        """The slice in view with the correction of the result in view; as it was read where there is none."""
        original = self.original()
        if original is None or self.result is None:
            return original
        return Picture(self.result.corrected(original.values, self.view.display.slice_index), original.pixel_mm)

    def voxel_under_cursor(self) -> tuple[int, int, int] | None:
        """The voxel (z, y, x) under the mouse, else under the crosshair; None where there is none."""
        display, original = self.view.display, self.original()
        point = display.pointed_mm or display.cursor_mm
        index = None if original is None or point is None else original.index_at(*point)
        return None if index is None else (display.slice_index, *index)

    # -- the mask

    def undo(self) -> None:
        """Take the last change of the mask back, and show a slice in which that is seen."""
        self._show_change(self.metal.undo())

    def redo(self) -> None:
        """Make the change taken back last again, and show a slice in which that is seen."""
        self._show_change(self.metal.redo())

    def cancel(self) -> None:
        """Let go of an outline that is begun, else cancel the run, else put the tool away."""
        if self.painting.is_outlining:
            self.painting.cancel()
        elif self.runs.is_running:
            self.runs.cancel()
        elif self.sensitivity.is_running:
            self.sensitivity.cancel()
        else:
            self.tools.update(tool=Tool.NONE)

    def _take_tool(self, tools: ToolSettings, names: frozenset[str]) -> None:
        """Selecting a tool for the mask shows the mask and its trace; measuring leaves them as they are."""
        if "tool" in names and tools.tool is not Tool.NONE and not tools.tool.is_measuring:
            self.traces.switch_on()
            self.view.update(overlays=self.view.display.overlays | {Overlay.MASK}, are_overlays_hidden=False)

    def _show_metal(self) -> None:
        """Once the metal of a series is found, show the slice with most of it, where no other was chosen meanwhile."""
        display, counts = self.view.display, self.metal.counts
        if self._unlooked is None or not self.metal.is_found:
            return
        is_untouched, self._unlooked = display.slice_index == self._unlooked, None
        if is_untouched and self.metal.is_present:
            most = np.flatnonzero(counts == counts.max())
            self.view.go_to(int(min(most, key=lambda z: abs(z - display.slice_index))))

    def _show_change(self, box: Box | None) -> None:
        if box is not None:
            here = self.view.display.slice_index
            self.view.go_to(min(max(here, box[0].start), box[0].stop - 1))

    # -- the HU window

    def set_preset(self, key: int) -> None:
        """Set the HU window of a number key; 0 is the file's own."""
        preset = preset_of_key(key)
        if preset is not None:
            self.view.update(window=preset.window)
        elif key == 0:
            self.view.update(window=self._own_window(self.view.display.slice_index))

    # -- running

    def reduce(self) -> None:
        """Correct the slices with metal, the one in view first."""
        loaded, method = self.loaded, self.methods.current
        if self.runs.is_running:
            return
        if self.sensitivity.is_running:
            self.messages.say(Severity.WARNING, "A sweep is under way: wait for it or cancel it first.")
            return
        if self.refusal or loaded is None or self._hu is None or self.metal.shared is None:
            self.messages.say(Severity.WARNING, self.refusal)
            return
        slices = self.metal.outward(self.view.display.slice_index)
        span = slice(min(slices), max(slices) + 1)  # looking at a thousand slices more holds the window up
        try:
            refuse_unusable(self.metal.shared.array[span], loaded.volume.hu[span])
        except BadInput as refusal:
            self.messages.error(str(refusal))
            return
        if loaded.report.question and not self._is_across_gaps:
            self._ask_about_gaps(loaded.report.question, self.reduce)
            return
        if loaded.series.derived and not self._is_reduced_again:
            self._ask_about_derived(loaded.series.derived)
            return
        if method is None or method.manifest is None:
            self.messages.error("No method is installed. The folder plugins/ of marview is empty or cannot be read.")
            return
        if self.autosave is not None:
            self.autosave.save_soon()
        result = Result(
            method=method.id,
            title=method.manifest.title,
            version=method.manifest.version,
            parameters=self.methods.values(method.id),
            margin_mm=self.metal.recipe.margin_mm,
            mask_text=self.metal.recipe.text,
            mask=KeptMask(self.metal.shared.array, slices),
            slices=slices,
            store=self.kept_results.store,
            series=self.kept.series,
            series_title=loaded.series.description,
        )
        self._run(result, loaded, self._hu)

    @property
    def unfinished(self) -> Result | None:
        """The result of the last run, where it stopped early on the series in view and can go on."""
        job = self.runs.job
        if job is None or not job.state.is_over or job.result.series != self.kept.series:
            return None
        return job.result if job.result in self.results and job.result.missing else None

    def retry(self) -> None:
        """Correct the slices that the last run did not come to, with its method, mask and parameters."""
        result, loaded = self.unfinished, self.loaded
        if result is None or loaded is None or self._hu is None or self.sensitivity.is_running:
            return
        self._run(result, loaded, self._hu)

    def _run(self, result: Result, loaded: LoadedSeries, hu: SharedArray) -> None:
        """Begin a run on the slices that are missing in a result, unless it is refused."""
        missing, shape = result.missing, loaded.volume.hu.shape
        try:
            mask = SharedArray.create(shape, np.bool_)
            correction = SharedArray.create((len(missing), *shape[1:]), np.float32)
        except MarviewError as refusal:
            self.messages.error(str(refusal))
            return
        result.mask.write_to(mask.array)
        request = ReduceRequest(
            method=result.method,
            hu=hu,
            mask=mask,
            spacing_mm=loaded.volume.grid.spacing_mm,
            correction=correction,
            slices=missing,
            is_head_last=loaded.volume.grid.slice_numbers.is_head_last,
            parameters=result.parameters,
            device=cast("Device", self.methods.device),
        )
        before = self.result
        if self.runs.begin(request, result, lambda job: self._end(job, before)) is None:
            mask.close()
            correction.close()
            return
        self._hu_in_run = hu
        self.messages.dismiss()
        self.show(result)

    def sweep(self, choice: SweepChoice) -> None:
        """Run methods with several masks made from the one in use."""
        loaded, shared = self.loaded, self.metal.shared
        if self.sensitivity.is_running:
            return
        if self.runs.is_running:
            self.messages.say(Severity.WARNING, "A run is under way: wait for it or cancel it, then sweep.")
            return
        if self.refusal or loaded is None or self._hu is None or shared is None:
            self.messages.say(Severity.WARNING, self.refusal)
            return
        volume = loaded.volume
        try:
            refuse_unusable(shared.array, volume.hu)
            variants, slices = choice.variants(), choice.within(self.metal.slices)
            refuse_too_large(len(variants), len(slices), (volume.hu.shape[1], volume.hu.shape[2]))
        except MarviewError as refusal:
            self.messages.error(str(refusal))
            return
        if loaded.report.question and not self._is_across_gaps:
            self._ask_about_gaps(loaded.report.question, lambda: self.sweep(choice))
            return
        if self.autosave is not None:
            self.autosave.save_soon()
        self.sensitivity.begin(
            SweepInput(
                self._hu,
                volume.grid.stack_mm,
                shared.array.copy(),
                slices,
                numbers=volume.grid.slice_numbers,
                drift_mm=volume.grid.drift_mm,
            ),
            variants,
            {one.id: one.manifest.title for one in self.methods.usable if one.manifest is not None},
            parameters={method: self.methods.values(method) for method in choice.methods},
            device=cast("Device", self.methods.device),
            truth=lambda: known_truth(loaded),
        )

    def _ask_about_gaps(self, question: str, then: Callable[[], None]) -> None:
        """A run goes over missing slices only where the person says so, once for each series."""

        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            if is_yes:
                self._is_across_gaps = True
                then()

        self._ask(question, "Correct them", answer)

    def _ask(self, sentence: str, yes: str, answer: Callable[[bool], None]) -> None:
        """Ask one question about the series at a time."""

        def answered(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            self._asked = None
            answer(is_yes)

        self._withdraw()
        self._asked = self.messages.ask(Question(sentence, yes, "Cancel", answered))

    def _withdraw(self) -> None:
        if self._asked is not None:
            self.messages.withdraw(self._asked)
            self._asked = None

    def _ask_about_derived(self, derived: str) -> None:
        """A series that is itself a correction is corrected again only where the person says so."""

        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            if is_yes:
                self._is_reduced_again = True
                self.reduce()

        self._ask(f"This series is already corrected: {derived}. Reduce its artifacts again?", "Reduce again", answer)

    def show(self, result: Result | None) -> None:
        """Put a result in view."""
        self.kept_results.show(result)

    @property
    def unsaved(self) -> list[str]:
        """What would be lost if marview closed now, each in words; empty where nothing would."""
        return self.kept.unsaved

    def export_measures(self, path: Path) -> None:
        """Write the measurements of the series in view as CSV, a line for each image that is compared."""
        numbers = self.view.display.numbers
        table = [
            row
            for one in self.measures.listed
            for row in rows(one, numbers.number(one.slice_index), self.measures.pictures(one.slice_index))
        ]
        if not table:
            self.messages.say(Severity.WARNING, "There is no measurement to export: measure something first.")
            return

        def done(written: Path) -> None:
            self.measures.mark_saved()
            self.messages.say(Severity.SUCCESS, f"The measurements were written to {written.name}.")

        self.background.run(lambda: write_csv(path, table), done, self.messages.error)

    def _compared(self, slice_index: int) -> dict[str, Picture]:
        """The pictures of a slice that are compared: the original and every result of the series in view."""
        loaded = self.loaded
        if loaded is None:
            return {}
        hu, pixel_mm = loaded.volume.hu[slice_index], loaded.volume.grid.spacing_mm[1:]
        compared = {"Original": Picture(hu, pixel_mm)}
        for number, result in enumerate(self.results, start=1):
            compared[f"{number} {result.title}"] = Picture(result.corrected(hu, slice_index), pixel_mm)
        return compared

    def close_series(self, entry: Entry) -> None:
        """Take a series off the list; where work on it would be lost, ask first."""
        lost = self.kept.unsaved_of(entry.key)
        if not lost:
            self._close_series(entry)
            return

        def answer(is_yes: bool) -> None:  # noqa: FBT001 - called by a button
            if is_yes:
                self._close_series(entry)

        sentence = f"Close {entry.series.description} and lose {'; '.join(lost)}?"
        self.messages.ask(Question(sentence, "Close", "Keep", answer))

    def _close_series(self, entry: Entry) -> None:
        job = self.runs.job
        if job is not None and self.runs.is_running and job.result.series == entry.key:
            self.runs.cancel()
        self.kept.drop(entry.key)
        self.library.remove(entry)

    def _empty(self) -> None:
        """No series is left: everything is as at the start."""
        self._hu = None
        self.sinograms.want(None)
        self.sensitivity.take(None)
        self.metal.take(None)
        self.kept.turn_to("", "")
        self.view.update(slice_index=0, slice_count=0, cursor_mm=None, pointed_mm=None, pointed_ray=None)

    def want_sinogram(self) -> None:
        """Ask for the sinogram of the slice in view."""
        loaded = self.loaded
        if loaded is None or not loaded.report.is_volume or self._hu is None or self.metal.shared is None:
            self.sinograms.want(None)
            return
        self.sinograms.want(
            SinogramRequest(
                hu=self._hu,
                mask=self.metal.shared,
                spacing_mm=loaded.volume.grid.spacing_mm,
                slice_index=self.view.display.slice_index,
            )
        )

    def close(self) -> None:
        """End what runs, and write what is to be remembered; the second time nothing happens."""
        if self.background.is_closed():
            return
        self.settings.save()
        self.library.close()
        self.exports.cancel()
        self.sensitivity.cancel()
        self.traces.close()
        if self.autosave is not None:
            self.autosave.close()
        for worker in (self._worker, self._tracer):
            if worker is not None:
                worker.close()
        self.sensitivity.close()
        self.background.close()
        self.kept_results.close()
        self.metal.close()
        for shared in self._allocated:
            shared.close()

    def _get_worker(self) -> MarWorker:
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker

    def _get_tracer(self) -> MarWorker:
        """A worker of its own for traces, so that they follow the brush while the other is at work."""
        if self._tracer is None:
            self._tracer = self._make_worker()
        return self._tracer

    def _end(self, job: Job, before: Result | None) -> None:
        """A run is over: keep the slices that are corrected; where some are missing, show what was in view before."""
        if self._hu_in_run is not None and self._hu_in_run is not self._hu:
            self._allocated.remove(self._hu_in_run)
            self._hu_in_run.close()
        self._hu_in_run = None
        result = job.result
        if self.kept.is_closed(result.series):
            result.close()
            return
        if result.done:
            self.kept_results.keep(result)
        if (result.missing and before is not None) or not result.done:
            self.kept_results.replace(result, before)
        if not result.done:
            result.close()

    # -- reading

    def _allocate(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        shared = SharedArray.create(shape, dtype)
        self._allocated.append(shared)
        return shared.array

    def _work(self) -> Work | None:
        """What is kept against a crash beside the mask."""
        chosen, method = self.library.chosen, self.methods.current
        if chosen is None or self.loaded is None:
            return None
        grid = self.loaded.volume.grid
        return Work(
            path=str(chosen.series.path.absolute()),
            key=chosen.key,
            shape=grid.shape,
            affine=tuple(float(value) for value in grid.affine.ravel()),
            origin="",
            slice_index=self.view.display.slice_index,
            method="" if method is None else method.id,
            parameters={} if method is None else self.methods.values(method.id),
        )

    def _start(self, loaded: LoadedSeries) -> None:
        self._is_across_gaps = self._is_reduced_again = False
        self._withdraw()
        chosen = self.library.chosen
        kept = self.kept.turn_to("" if chosen is None else chosen.key, loaded.series.description)
        if self.sensitivity.is_running:
            self.messages.say(Severity.INFO, "The sweep was cancelled because another series was opened.")
        self.sensitivity.take(None if kept is None else kept.swept)
        self.tools.update(tool=Tool.NONE)
        self._hu = None
        self.sinograms.want(None)
        count = loaded.volume.grid.shape[0]
        is_same = kept is not None and kept.metal is not None and kept.metal.shape == loaded.volume.grid.shape
        self.metal.take(loaded.volume, kept.metal if is_same and kept is not None else None)
        here = min(kept.slice_index, count - 1) if kept is not None else count // 2
        self.view.update(
            slice_index=here,
            slice_count=count,
            numbers=loaded.volume.grid.slice_numbers,
            window=self._first_window(here),
            zoom=1.0,
            centre_mm=(0.0, 0.0),
            cursor_mm=None,
            pointed_mm=None,
            pointed_ray=None,
        )
        self._unlooked = here if kept is None and loaded.report.is_volume else None
        self.traces.restart()

    def _finish(self, loaded: LoadedSeries) -> None:
        self._hu = next((one for one in self._allocated if np.shares_memory(one.array, loaded.volume.hu)), None)
        in_use = [shared for shared in self._allocated if shared in (self._hu, self._hu_in_run)]
        for shared in self._allocated:
            if shared not in in_use:
                shared.close()
        self._allocated = in_use
        if loaded.report.is_volume:
            if self.metal.is_found:
                self.metal.ask_again()
            else:
                self.metal.find()
            self.methods.warm()

    def _remember_window(self, display: Display, names: frozenset[str]) -> None:
        part = self._body_part()
        if part and "window" in names:
            self.settings.windows[part] = (display.window.width_hu, display.window.level_hu)

    def _own_window(self, slice_index: int) -> HuWindow:
        loaded = self.loaded
        asked = None if loaded is None else loaded.window_at(slice_index)
        return SOFT_TISSUE if asked is None else HuWindow(*asked)

    def _first_window(self, slice_index: int) -> HuWindow:
        remembered = self.settings.windows.get(self._body_part())
        return HuWindow(*remembered) if remembered else self._own_window(slice_index)

    def _body_part(self) -> str:
        loaded = self.loaded
        header = next((one for one in loaded.sources if one is not None), None) if loaded else None
        return body_part_of(header.body_part) if header else ""
