"""Measure how results depend on the mask: run sweeps, and show and measure their variants."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.errors import MarviewError
from marview.mar.messages import Device
from marview.mar.sweep import Reducer, SweepCancelled, SweepInput, sweep
from marview.mar.sweep_plan import Variant
from marview.session.background import Background
from marview.session.job import State
from marview.session.messages import Messages, Severity
from marview.session.runs import TOLD_SECONDS
from marview.session.sensitivity_marks import Line, Region, across
from marview.session.swept import ORIGINAL, KeptSweep, Swept
from marview.text import tr
from marview.threads import NoThread, start_thread
from marview.volume.measure import Profile
from marview.volume.window import HuWindow

if TYPE_CHECKING:
    from marview.mar.sweep_measures import Row

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class SweepJob:
    """A running or finished sweep, with the progress shown to the user."""

    state: State = State.QUEUED
    fraction: float = 0.0
    text: str = ""
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)


class Sensitivity:
    """Runner that performs one sweep at a time.

    The results of a series are kept until another sweep of this series succeeds.

    Events on the window's thread: `changed()` when the job changes or progresses (at most ten times a
    second), `found()` when new results are available, `chosen()` when another variant is displayed, and
    `marked()` when the region or the line changes.

    Attributes:
        job: last sweep started.
        swept: results of the sweep; None if there are none.
        variant: name of the variant in view.
        region: region in which variants are measured; None for the soft tissue around metal.
        line: line along which profiles are drawn.
        rows: measurements of each variant, in the region if there is one.
    """

    changed = Signal()
    found = Signal()
    chosen = Signal()
    marked = Signal()

    def __init__(self, reducer: Callable[[], Reducer], background: Background, messages: Messages) -> None:
        self.job: SweepJob | None = None
        self.swept: Swept | None = None
        self.variant = ORIGINAL
        self.region: Region | None = None
        self.line: Line | None = None
        self.rows: tuple[Row, ...] = ()
        self._reducer = reducer
        self._background = background
        self._messages = messages
        self._spreads: dict[tuple[str, int], NDArray[np.float32]] = {}
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Return whether a sweep is running."""
        return self.job is not None and not self.job.state.is_over

    # -- the job

    def begin(
        self,
        given: SweepInput,
        variants: tuple[Variant, ...],
        titles: Mapping[str, str],
        *,
        parameters: Mapping[str, Mapping[str, Any]],
        device: Device,
        restore_cut_off: bool = True,
        truth: Callable[[], NDArray[np.int16] | None],
    ) -> None:
        """Start a sweep unless one is running; the function `truth` is called in the background."""
        if self.is_running:
            return
        self.job = job = SweepJob()
        names = {one.name: f"{titles.get(one.method, one.method)}  {one.label}" for one in variants}
        told = [0.0]

        def progress(fraction: float, name: str) -> None:
            now = time.monotonic()
            if now - told[0] >= TOLD_SECONDS:
                told[0] = now
                self._background.post(lambda: self._go_on(job, fraction, names.get(name, "")))

        def work() -> Swept:
            from marview.mar.sweep_measures import measure

            known = replace(given, truth_hu=truth())
            result = sweep(
                known,
                variants,
                self._reducer(),
                parameters=parameters,
                device=device,
                restore_cut_off=restore_cut_off,
                on_progress=progress,
                is_cancelled=job.stop.is_set,
            )
            pixel_mm = (given.spacing_mm[1], given.spacing_mm[2])
            return Swept(result, measure(result), titles, pixel_mm)

        try:
            self._thread = start_thread(partial(self._run, job, work), "sweep")
        except NoThread as refusal:
            self.job = None
            self._messages.error(str(refusal))
        self.changed.emit()

    def cancel(self) -> None:
        """Ask the sweep to stop."""
        job = self.job
        if job is not None and not job.state.is_over and job.state is not State.CANCELLING:
            job.state = State.CANCELLING
            job.stop.set()
            self.changed.emit()

    def put_away(self) -> KeptSweep | None:
        """Return the sweep results of the series in view, to restore later with `take`."""
        return None if self.swept is None else KeptSweep(self.swept, self.variant, self.region, self.line)

    def take(self, kept: KeptSweep | None) -> None:
        """Switch to another series: cancel the running sweep and show the earlier results of that series."""
        if self.job is not None:
            self.job.stop.set()
            self.job = None
        self.region, self.line = (None, None) if kept is None else (kept.region, kept.line)
        self.variant = ORIGINAL if kept is None else kept.variant
        self._show(None if kept is None else kept.swept)
        self.changed.emit()

    def close(self) -> None:
        """Cancel the running sweep and wait up to 5 s for it to finish; the worker must already be closed."""
        if self.job is not None:
            self.job.stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, job: SweepJob, work: Callable[[], Swept]) -> None:
        post = self._background.post
        try:
            swept = work()
        except SweepCancelled:
            post(lambda: self._end(job, State.CANCELLED, None))
        except MarviewError as refusal:
            sentence = str(refusal)
            post(lambda: self._end(job, State.FAILED, None, sentence))
        except Exception as bug:  # noqa: BLE001 - a thread must report every failure
            if not job.stop.is_set():
                _log.exception("a sweep failed")
            sentence = tr("The sweep failed ({}). Please report this error; the log contains the details.").format(
                type(bug).__name__
            )
            post(lambda: self._end(job, State.FAILED, None, sentence))
        else:
            post(lambda: self._end(job, State.DONE, swept))

    def _go_on(self, job: SweepJob, fraction: float, text: str) -> None:
        if job is not self.job or job.state.is_over:
            return
        if job.state is State.QUEUED:
            job.state = State.RUNNING
        job.fraction, job.text = fraction, text
        self.changed.emit()

    def _end(self, job: SweepJob, state: State, swept: Swept | None, sentence: str = "") -> None:
        if job is not self.job:
            return  # the sweep of another series
        job.state = State.CANCELLED if job.stop.is_set() else state
        if job.state is State.CANCELLED:
            self._messages.say(Severity.INFO, tr("The sweep was cancelled. Earlier results are unchanged."))
        elif state is State.FAILED:
            self._messages.error(sentence)
        else:
            self._show(swept)
            for note in swept.result.equal_mask_notes() if swept is not None else ():
                self._messages.say(Severity.INFO, note)
        self.changed.emit()

    # -- results

    def choose(self, name: str) -> None:
        """Show a variant."""
        if self.swept is not None and name in self.swept.result.hu and name != self.variant:
            self.variant = name
            self.chosen.emit()

    @property
    def method(self) -> str:
        """Return the method of the variant in view; for the uncorrected variant, return the first method."""
        if self.swept is None:
            return ""
        found = next((one for one in self.swept.result.variants if one.name == self.variant), None)
        return found.method if found is not None and found.method else self.swept.result.methods[0]

    def spread(self, slice_index: int) -> NDArray[np.float32] | None:
        """Return the standard deviation across the variants of the method in view, HU `[y, x]`.

        Return None if there is no sweep, or the slice was not swept.
        """
        if self.swept is None or slice_index not in self.swept.result.slices:
            return None
        key = (self.method, slice_index)
        if key not in self._spreads:
            if len(self._spreads) > 16:
                self._spreads.clear()
            self._spreads[key] = self.swept.result.spread_hu(*key)
        return self._spreads[key]

    def profiles(self, slice_index: int) -> dict[str, Profile]:
        """Return the HU profile along the line in each variant.

        If the ground truth is available, the key "truth" contains its profile.
        """
        return {} if self.swept is None or self.line is None else self.swept.profiles(slice_index, self.line)

    def mark(self, *, region: Region | None = None, line: Line | None = None) -> None:
        """Set the region to measure in, or the line to measure along."""
        if region is not None:
            self.region = region
            self._measure()
        if line is not None:
            self.line = line
        self.marked.emit()

    def drop_region(self) -> None:
        """Remove the region, and measure the soft tissue around metal instead."""
        if self.region is not None:
            self.region = None
            self._measure()
            self.marked.emit()

    def export(self, path: Path, slice_index: int, window: HuWindow) -> None:
        """Export the table of measurements (.csv) or a figure of a slice (.png, .pdf)."""
        swept, rows = self.swept, self.rows
        if swept is None:
            self._messages.say(Severity.WARNING, tr("There is no sweep to export: run one first."))
            return
        at = slice_index if slice_index in swept.result.slices else swept.fullest

        def work() -> Path:
            from marview.export.sweep import write_sweep_file

            return write_sweep_file(path, swept.result, rows, slice_index=at, window=window)

        def done(written: Path) -> None:
            self._messages.say(Severity.SUCCESS, tr("The sweep was written to {}.").format(written.name))

        self._background.run(work, done, self._messages.error)

    def _show(self, swept: Swept | None) -> None:
        self.swept = swept
        self._spreads.clear()
        if swept is not None:
            if self.variant == ORIGINAL or self.variant not in swept.result.hu:
                runs = [one for one in swept.result.variants if one.method and one.name in swept.result.hu]
                self.variant = min(runs, key=lambda one: abs(one.margin)).name if runs else ORIGINAL
            if self.line is None:
                at = swept.fullest
                original = swept.picture(ORIGINAL, at)
                mask = swept.mask(ORIGINAL, at)
                assert original is not None
                assert mask is not None
                self.line = across(mask, original)
        else:
            self.variant = ORIGINAL
        self._measure()
        self.found.emit()

    def _measure(self) -> None:
        """Measure all variants in the region, if the slice of the region was swept."""
        self.rows = () if self.swept is None else self.swept.measured(self.region)
