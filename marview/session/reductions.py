"""What was run on the series in view: its method, mask and slices become a request, the answer a result."""

from collections.abc import Callable
from typing import cast

import numpy as np

from marview.dicom import LoadedSeries
from marview.errors import BadInput, MarviewError
from marview.mar import ReduceRequest, SharedArray
from marview.mar.messages import Device
from marview.mar.sweep import SweepInput
from marview.session.consent import Consent
from marview.session.display import View
from marview.session.kept_work import KeptWork
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal
from marview.session.methods import Methods
from marview.session.open_series import OpenSeries
from marview.session.result import KeptMask, Result
from marview.session.results import Results
from marview.session.runs import Job, Runs
from marview.session.sensitivity import Sensitivity
from marview.session.sensitivity_choice import SweepChoice, known_truth, refuse_too_large
from marview.volume.mask import refuse_unusable


class Reductions:
    """Begins runs and sweeps on the series in view, where nothing speaks against it.

    Args:
        series: the series in view.
        metal: its mask.
        methods: the method, its parameters and the device.
        runs: drives the worker.
        sensitivity: drives sweeps.
        results: where results go.
        kept: tells which series are still listed.
        view: tells the slice to begin with.
        messages: hears refusals.
        save: keeps the mask against a crash, before a run.
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
        """Why artifacts of the series in view cannot be reduced; empty where they can."""
        loaded = self._series.loaded
        if loaded is None or self._series.hu is None:
            return "No series is open." if loaded is None else "The series is still being read."
        if not loaded.report.is_volume:
            return loaded.report.reason
        return "" if self._metal.is_present else "No metal is marked: find it, or set a threshold."

    def reduce(self) -> None:
        """Correct the slices with metal, the one in view first."""
        loaded, hu, shared = self._series.loaded, self._series.hu, self._metal.shared
        method = self._methods.current
        if self._runs.is_running:
            return
        if self._sensitivity.is_running:
            self._messages.say(Severity.WARNING, "A sweep is under way: wait for it or cancel it first.")
            return
        if self.refusal or loaded is None or hu is None or shared is None:
            self._messages.say(Severity.WARNING, self.refusal)
            return
        slices = self._metal.outward(self._view.display.slice_index)
        span = slice(min(slices), max(slices) + 1)  # looking at a thousand slices more holds the window up
        try:
            refuse_unusable(shared.array[span], loaded.volume.hu[span])
        except BadInput as refusal:
            self._messages.error(str(refusal))
            return
        if self.consent.is_asked_about_gaps(loaded, self.reduce):
            return
        if self.consent.is_asked_about_derived(loaded, self.reduce):
            return
        if method is None or method.manifest is None:
            self._messages.error("No method is installed. The folder plugins/ of marview is empty or cannot be read.")
            return
        self._save()
        result = Result(
            method=method.id,
            title=method.manifest.title,
            version=method.manifest.version,
            parameters=self._methods.values(method.id),
            margin_mm=self._metal.recipe.margin_mm,
            mask_text=self._metal.recipe.text,
            mask=KeptMask(shared.array, slices),
            slices=slices,
            store=self._results.store,
            series=self._kept.series,
            series_title=loaded.series.description,
        )
        self._run(result, loaded, hu)

    @property
    def unfinished(self) -> Result | None:
        """The result of the last run, where it stopped early on the series in view and can go on."""
        job = self._runs.job
        if job is None or not job.state.is_over or job.result.series != self._kept.series:
            return None
        return job.result if job.result in self._results.of_series and job.result.missing else None

    def retry(self) -> None:
        """Correct the slices that the last run did not come to, with its method, mask and parameters."""
        result, loaded, hu = self.unfinished, self._series.loaded, self._series.hu
        if result is None or loaded is None or hu is None or self._sensitivity.is_running:
            return
        self._run(result, loaded, hu)

    def _run(self, result: Result, loaded: LoadedSeries, hu: SharedArray) -> None:
        """Begin a run on the slices that are missing in a result, unless it is refused."""
        missing, shape = result.missing, loaded.volume.hu.shape
        try:
            mask = SharedArray.create(shape, np.bool_)
            correction = SharedArray.create((len(missing), *shape[1:]), np.float32)
        except MarviewError as refusal:
            self._messages.error(str(refusal))
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
            device=cast("Device", self._methods.device),
        )
        before = self._results.in_view
        if self._runs.begin(request, result, lambda job: self._end(job, before)) is None:
            mask.close()
            correction.close()
            return
        self._series.hold(hu)
        self._messages.dismiss()
        self._results.show(result)

    def _end(self, job: Job, before: Result | None) -> None:
        """A run is over: keep the slices that are corrected; where some are missing, show what was in view before."""
        self._series.release(job.request.hu)
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
        """Run methods with several masks made from the one in use."""
        loaded, hu, shared = self._series.loaded, self._series.hu, self._metal.shared
        if self._sensitivity.is_running:
            return
        if self._runs.is_running:
            self._messages.say(Severity.WARNING, "A run is under way: wait for it or cancel it, then sweep.")
            return
        if self.refusal or loaded is None or hu is None or shared is None:
            self._messages.say(Severity.WARNING, self.refusal)
            return
        volume = loaded.volume
        try:
            refuse_unusable(shared.array, volume.hu)
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
                shared.array.copy(),
                slices,
                numbers=volume.grid.slice_numbers,
                drift_mm=volume.grid.drift_mm,
            ),
            variants,
            {one.id: one.manifest.title for one in self._methods.usable if one.manifest is not None},
            parameters={method: self._methods.values(method) for method in choice.methods},
            device=cast("Device", self._methods.device),
            truth=lambda: known_truth(loaded),
        )
