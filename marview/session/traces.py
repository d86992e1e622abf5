"""Keep metal traces up to date with the mask.

While the user paints, only the slice in view is updated; the other slices follow afterwards. Only one
request runs at a time, always for the most urgent slice. Therefore, requests do not queue up while the
mask changes quickly, and answers arrive in order.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.errors import MarviewError
from marview.geometry import TraceCoverage, processing_beam
from marview.mar.messages import TraceRequest
from marview.mar.run import Run
from marview.mar.shared import SharedArray
from marview.session.background import IsStale, Latest, Post
from marview.session.display import Display, View
from marview.session.metal import Metal
from marview.volume.box import Box

BEAM = processing_beam(1.0)
ATTEMPTS = 3
"""Consecutive worker failures before the user is informed."""

CLEAR = TraceCoverage(0.0, 0, 0)


_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SliceTrace:
    """Metal trace of a slice, bool `[view, bin]`, and how much of the sinogram it covers."""

    slice_index: int
    trace: NDArray[np.bool_]
    coverage: TraceCoverage


class Tracing(Protocol):
    """Object that computes traces, such as `marview.mar.runner.MarWorker`."""

    def trace(self, request: TraceRequest) -> Run:
        """Start computing the trace of a slice, and return immediately."""


class Traces:
    """Metal traces of all slices, computed after tracing has been switched on.

    Events on the window's thread: `asked(slice_index)` when a trace is requested, `changed()` when `current` changes,
    `surveyed()` when the coverage of a slice changes.

    Attributes:
        current: latest trace of the slice in view; None while unknown.
        coverage: coverage of each slice with a known trace.
        refusal: reason why traces cannot be computed; empty otherwise.
    """

    asked = Signal(int)
    changed = Signal()
    surveyed = Signal()

    def __init__(
        self,
        worker: Callable[[], Tracing],
        post: Post,
        metal: Metal,
        view: View,
        hu: Callable[[], SharedArray | None] = lambda: None,
    ) -> None:
        self.current: SliceTrace | None = None
        self.coverage: dict[int, TraceCoverage] = {}
        self.refusal = ""
        self._worker = worker
        self._metal = metal
        self._view = view
        self._hu = hu
        self._is_on = False
        self._is_closed = False
        self._stale: set[int] = set()
        self._marking = Latest.on_own_thread(post, "trace")
        self._room: SharedArray | None = None
        self._failures = 0
        metal.touched.connect(self._touch)
        metal.changed.connect(self._try_again)
        view.changed.connect(self._follow)

    def switch_on(self) -> None:
        """Start computing traces and keeping them up to date with the mask, using a separate worker."""
        if not self._is_on and not self._is_closed:
            self._is_on = True
            self.restart()

    def restart(self) -> None:
        """Discard all traces, and start again for another series."""
        self._marking.drop()
        self.coverage.clear()
        self.refusal, self._failures = "", 0
        self._stale = set(range(len(self._metal.counts)))
        self._show(None)
        self.surveyed.emit()
        self._ask()

    @property
    def worst(self) -> tuple[int, TraceCoverage] | None:
        """Return the slice with the highest known coverage, and its coverage; None while unknown."""
        known = [item for item in self.coverage.items() if item[0] not in self._stale]
        return max(known, key=lambda item: item[1].fraction, default=None)

    @property
    def is_surveyed(self) -> bool:
        """Return whether the traces of all slices are up to date."""
        return self._is_on and not self._stale and not self._marking.is_busy

    def close(self) -> None:
        """Stop tracing permanently, so that panes cannot switch it on again while the window closes."""
        self._is_on, self._is_closed = False, True
        self._marking.drop()
        if self._room is not None:
            self._room.close()
            self._room = None

    def _touch(self, box: Box) -> None:
        touched = range(box[0].start, box[0].stop)
        self._stale.update(touched)
        for z in touched:  # the slice had no metal before, so its coverage is not known yet
            if self.coverage.get(z) == CLEAR:
                del self.coverage[z]
        self._ask()

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if "slice_index" in names and (self.current is None or self.current.slice_index != display.slice_index):
            self._show(None)
            self._ask()

    def _ask(self) -> None:
        """Request the trace of the slice in view or, if the user is not painting, of the nearest outdated slice."""
        if not self._is_on or self._marking.is_busy or self.refusal or self._metal.shared is None:
            return
        here = self._view.display.slice_index
        if here >= len(self._metal.counts):
            return
        self._clear_bare(here)
        is_current = self.current is not None and self.current.slice_index == here
        if here in self._stale or not is_current:
            self._request(here)
        elif self._stale and not self._metal.is_painting:
            self._request(min(self._stale, key=lambda z: abs(z - here)))

    def _clear_bare(self, here: int) -> None:
        """Record empty traces for slices without metal."""
        bare = [z for z in self._stale if not self._metal.counts[z]]
        self._stale.difference_update(bare)
        self.coverage.update(dict.fromkeys(bare, CLEAR))
        is_known = self.current is not None and self.current.slice_index == here and here not in bare
        if not self._metal.counts[here] and not is_known:
            self._show(SliceTrace(here, np.zeros((BEAM.views, BEAM.bins), bool), CLEAR))
        if bare:
            self.surveyed.emit()

    def _request(self, slice_index: int) -> None:
        metal = self._metal
        if metal.shared is None or metal.mask is None:
            return
        z_mm, y_mm, x_mm = metal.mask.spacing_mm
        self.asked.emit(slice_index)
        self._stale.discard(slice_index)
        try:
            if self._room is None:
                self._room = SharedArray.create((BEAM.views, BEAM.bins), np.bool_)
            room = self._room
            run = self._worker().trace(
                TraceRequest(
                    mask=metal.shared,
                    spacing_mm=(z_mm, y_mm, x_mm),
                    slice_index=slice_index,
                    trace=room,
                    hu=self._hu(),
                )
            )
        except MarviewError as refusal:
            self._give_up(slice_index, str(refusal))
            return
        marked = room.array

        def wait(_is_stale: IsStale) -> tuple[SliceTrace | None, str]:
            outcome = run.wait()
            made = None
            if outcome.state == "done":
                made = SliceTrace(slice_index, marked.copy(), TraceCoverage(**outcome.report["coverage"]))
            return made, outcome.sentence

        def fail(sentence: str) -> None:
            run.cancel()
            self._give_up(slice_index, sentence)

        self._marking.run(wait, lambda answer: self._take(slice_index, *answer), fail, self._ask)

    def _take(self, slice_index: int, made: SliceTrace | None, sentence: str) -> None:
        if made is None:
            self._fail(slice_index, sentence)
            return
        self._failures = 0
        self.coverage[made.slice_index] = made.coverage
        is_in_view = made.slice_index == self._view.display.slice_index
        if is_in_view:
            self.current = made
        self._ask()  # the worker computes the next trace while this one is drawn
        if is_in_view and self.current is made:
            self.changed.emit()
        self.surveyed.emit()

    def _give_up(self, slice_index: int, sentence: str) -> None:
        self._failures = ATTEMPTS
        self._fail(slice_index, sentence)

    def _fail(self, slice_index: int, sentence: str) -> None:
        """Handle a failed trace: retry after a crash of the worker, a limited number of times."""
        _log.warning("there is no trace of slice %d", slice_index)
        self._failures += 1
        self._stale.add(slice_index)
        self.coverage.pop(slice_index, None)
        if self.current is not None and self.current.slice_index == slice_index:
            self.current = None
        if self._failures < ATTEMPTS:
            self._ask()
        else:
            self.refusal = sentence
            self.changed.emit()
            self.surveyed.emit()

    def _try_again(self) -> None:
        """Retry after a change of the mask."""
        self.refusal, self._failures = "", 0
        self._ask()

    def _show(self, made: SliceTrace | None) -> None:
        if made is not self.current:
            self.current = made
            self.changed.emit()
