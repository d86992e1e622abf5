"""Start runs and sweeps on the series in view, and store their results."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from marview.errors import BadInput, MarviewError, UsageError
from marview.mar import Listing, SharedArray
from marview.mar.messages import Device
from marview.mar.sweep import SweepInput
from marview.session.consent import Consent
from marview.session.display import View
from marview.session.job import Job
from marview.session.kept_work import KeptWork
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.open_series import OpenSeries
from marview.session.result import Result
from marview.session.results import Results
from marview.session.run_presets import RunPreset
from marview.session.run_request import empty_result, request_for
from marview.session.run_scope import RunScope
from marview.session.runs import Runs
from marview.session.sensitivity import Sensitivity
from marview.session.sensitivity_choice import SweepChoice, known_truth, refuse_too_large
from marview.text import tr
from marview.told import told
from marview.volume.mask import refuse_unusable


class Reductions:
    """Object that starts runs and sweeps on the series in view, or shows a message if they cannot start.

    Attributes:
        consent: questions that the user must answer before a run.
        scope: slices of the next run.

    Args:
        series: the series in view.
        metal: mask of the series in view.
        methods: chosen method, parameters and device.
        runs: queue of runs.
        sensitivity: sweeps of the series in view.
        results: store of results.
        kept: store of the work on each open series.
        view: display; its slice in view is corrected first.
        messages: messages for the user.
        save: function that writes an autosave, called before a run.
    """

    def __init__(
        self,
        series: OpenSeries,
        metal: Metal,
        methods: Methods,
        runs: Runs,
        sensitivity: Sensitivity,
        results: Results,
        kept: KeptWork,
        view: View,
        messages: Messages,
        save: Callable[[], None],
    ) -> None:
        self.consent = Consent(messages)
        self.scope = RunScope()
        self._shown: Result | None = None
        self._series = series
        self._metal = metal
        self._methods = methods
        self._runs = runs
        self._sensitivity = sensitivity
        self._results = results
        self._kept = kept
        self._view = view
        self._messages = messages
        self._save = save

    @property
    def refusal(self) -> str:
        """Return the reason why the displayed series cannot be corrected, or an empty string if it can."""
        loaded = self._series.loaded
        if loaded is None or self._series.hu is None:
            return tr("No series is open.") if loaded is None else tr("The series is still being read.")
        if not loaded.report.is_volume:
            return told(loaded.report.reason)
        if self._metal.is_present:
            return ""
        return (
            tr("Looking for metal …")
            if self._metal.is_busy
            else tr("No metal is marked: find the metal, or set a threshold.")
        )

    def reduce(self) -> None:
        """Correct the slices in scope, the one in view first; queue the run if another is running."""
        method, display = self._methods.current, self._view.display
        if self.is_refused():
            return
        try:
            slices = self.scope.slices(self._metal, display.numbers, display.slice_index)
        except UsageError as refusal:
            self._messages.say(Severity.WARNING, str(refusal))
            return
        values = {} if method is None else self._methods.values(method.id)
        self._ask_and_run(method, values, slices, restores_cut_off=self._methods.restores_cut_off)

    def use(self, preset: RunPreset) -> None:
        """Apply a preset's method, parameters and margin, without starting a run."""
        if all(one.id != preset.method for one in self._methods.usable):
            sentence = tr("The preset needs the method {}, which is not installed or not trained.")
            self._messages.say(Severity.WARNING, sentence.format(preset.method))
            return
        self._methods.restore(preset.method, preset.parameters)
        if self._metal.is_present and self._metal.asked.margin_mm != preset.margin_mm:
            self._metal.set_margin(preset.margin_mm)
            sentence = tr("The preset set the margin of the mask to {:g} mm.")
            self._messages.say(Severity.INFO, sentence.format(preset.margin_mm))

    def run_again(self, result: Result) -> None:
        """Run again with the method, parameters and slices of a result, but with the mask in use."""
        if self.is_refused():
            return
        method = next((one for one in self._methods.usable if one.id == result.method), None)
        if method is None:
            self._messages.error(tr("{} is no longer installed, so it cannot run again.").format(tr(result.title)))
            return
        slices = tuple(z for z in result.slices if z < len(self._metal.counts))
        if not self._metal.counts[list(slices)].any():
            self._messages.say(
                Severity.WARNING, tr("The slices of this run no longer contain metal: mark metal first.")
            )
            return
        self._ask_and_run(method, result.parameters, slices, restores_cut_off=result.restores_cut_off)

    def is_refused(self) -> bool:
        """Return whether a run cannot start now; if so, show a message that explains why."""
        if self._sensitivity.is_running:
            self._messages.say(Severity.WARNING, tr("A sweep is in progress. Wait for it to finish, or cancel it."))
        elif self.refusal:
            self._messages.say(Severity.WARNING, self.refusal)
        else:
            return False
        return True

    def _ask_and_run(
        self,
        method: Listing | None,
        parameters: Mapping[str, Any],
        slices: tuple[int, ...],
        *,
        restores_cut_off: bool,
    ) -> None:
        """Check that a run is possible, ask for the user's consent if needed, and queue the run."""

        def again() -> None:
            self._ask_and_run(method, parameters, slices, restores_cut_off=restores_cut_off)

        if not self.may_run(slices, again):
            return
        if method is None or method.manifest is None:
            self._messages.error(tr("No method is installed, or none can be read. Install marview again."))
            return
        self._save()
        result = self.empty_result(method, parameters, slices, restores_cut_off=restores_cut_off)
        self.queue(result)

    def may_run(self, slices: tuple[int, ...], again: Callable[[], None]) -> bool:
        """Return whether these slices can be corrected now.

        If the user has to agree first, ask the user, and call `again` after the user agrees.
        """
        loaded, shared = self._series.loaded, self._metal.shared
        if loaded is None or shared is None:
            return False
        span = slice(min(slices), max(slices) + 1)  # checking all slices would delay the window
        try:
            refuse_unusable(shared.array[span], loaded.volume.hu[span])
        except BadInput as refusal:
            self._messages.error(str(refusal))
            return False
        return not (
            self.consent.is_asked_about_gaps(loaded, again) or self.consent.is_asked_about_derived(loaded, again)
        )

    def empty_result(
        self, method: Listing, parameters: Mapping[str, Any], slices: tuple[int, ...], *, restores_cut_off: bool
    ) -> Result:
        """Return an empty result for the series in view, with a copy of the mask in use."""
        loaded = self._series.loaded
        return empty_result(
            method,
            parameters,
            slices,
            metal=self._metal,
            results=self._results,
            series=self._kept.series,
            series_title="" if loaded is None else loaded.series.description,
            restores_cut_off=restores_cut_off,
        )

    def _purpose(self, result: Result) -> object:
        """Return a key that is the same for equal runs; a run that continues a result has its own key."""
        if result.done:
            return result
        how = (self._methods.device, result.restores_cut_off)
        return (result.series, result.method, result.parameters, result.slices, self._metal.recipe, how)

    @property
    def unfinished(self) -> Result | None:
        """Return the result of the last run on the series in view if that run stopped early and can be continued."""
        job = self._runs.job
        if job is None or not job.state.is_over or job.result.series != self._kept.series:
            return None
        return job.result if job.result in self._results.of_series and job.result.missing else None

    def retry(self) -> None:
        """Correct the remaining slices of the last run with the same method, mask and parameters."""
        result = self.unfinished
        if result is not None and not self._sensitivity.is_running:
            self.queue(result)

    def queue(self, result: Result, *, is_shown: bool = True) -> None:
        """Queue a run to correct the missing slices of a result, unless an identical run is already queued.

        Args:
            result: result to fill.
            is_shown: whether to show the result even if the user is looking at another one.
        """
        purpose = self._purpose(result)
        loaded, hu = self._series.loaded, self._series.hu
        if loaded is None or hu is None:
            return
        if any(job.purpose == purpose for job in self._runs.queue):
            self._messages.say(Severity.INFO, tr("This run is already in progress or waiting."))
            return
        before = self._results.in_view
        job = Job(
            result,
            prepare=partial(request_for, result, hu, loaded.volume, self._methods.device),
            started=self._show if is_shown or before is None else lambda _job: None,
            ended=lambda job: self._end(job, hu, before),
            earlier_notes=tuple(result.notes),
            purpose=purpose,
        )
        self._series.hold(hu)
        if self._runs.add(job):
            self._messages.dismiss()

    def _show(self, job: Job) -> None:
        """Show the result of a run that starts, unless the user has chosen another result."""
        result = job.result
        in_view = self._results.in_view_of(result.series)
        is_chosen_since = job.has_waited and in_view is not None and in_view is not self._shown
        if not is_chosen_since:
            self._results.show(result)
            self._shown = result

    def _end(self, job: Job, hu: SharedArray, before: Result | None) -> None:
        """Store the corrected slices of a finished run; if slices are missing, show the previous result."""
        self._series.release(hu)
        result = job.result
        if self._kept.is_closed(result.series):
            result.close()
            return
        if result.done:
            self._results.keep(result)
        if (result.missing and before is not None) or not result.done:
            self._results.replace(result, before)
        if not result.done:
            result.close()

    def sweep(self, choice: SweepChoice) -> None:
        """Run a sweep, which applies the chosen methods to variants of the mask in use."""
        loaded, hu, shared = self._series.loaded, self._series.hu, self._metal.shared
        if self._sensitivity.is_running:
            return
        if self._runs.is_running:
            self._messages.say(
                Severity.WARNING,
                tr("A run is in progress. Wait for it to finish, or cancel it, before starting a sweep."),
            )
            return
        if self.refusal or loaded is None or hu is None or shared is None:
            self._messages.say(Severity.WARNING, self.refusal)
            return
        volume = loaded.volume
        try:
            refuse_unusable(shared.array[self._metal.span], volume.hu[self._metal.span])
            variants, slices = choice.variants(), choice.within(self._metal.slices)
            refuse_too_large(len(variants), len(slices), (volume.hu.shape[1], volume.hu.shape[2]))
        except MarviewError as refusal:
            self._messages.error(str(refusal))
            return
        if self.consent.is_asked_about_gaps(loaded, lambda: self.sweep(choice)):
            return
        self._save()
        self._sensitivity.begin(
            SweepInput(
                hu,
                volume.grid.stack_mm,
                self._metal.copy(),
                slices,
                numbers=volume.grid.slice_numbers,
                drift_mm=volume.grid.drift_mm,
            ),
            variants,
            {one.id: tr(one.manifest.title) for one in self._methods.usable if one.manifest is not None},
            parameters={method: self._methods.values(method) for method in choice.methods},
            device=cast("Device", self._methods.device),
            restore_cut_off=self._methods.restores_cut_off,
            truth=lambda: known_truth(loaded),
        )
