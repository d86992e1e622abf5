"""Compute the sinogram, trace and interpolated sinogram of the slice in view on request, without a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.errors import MarviewError
from marview.geometry import TraceCoverage
from marview.mar.messages import Message, Output, SinogramRequest
from marview.mar.run import Run
from marview.session.background import IsStale, Latest, Post

WANTED = ("sinogram", "trace", "li_sinogram")


@dataclass(frozen=True, eq=False)
class SliceSinogram:
    """Sinograms of one slice.

    Attributes:
        sinogram: line integrals, `[view, bin]`.
        trace: metal trace, bool `[view, bin]`.
        filled: sinogram with the trace filled by linear interpolation, `[view, bin]`.
        coverage: how much of the sinogram the trace covers.
    """

    slice_index: int
    sinogram: NDArray[Any]
    trace: NDArray[np.bool_]
    filled: NDArray[Any]
    coverage: TraceCoverage


class Projecting(Protocol):
    """Object that projects slices, such as `marview.mar.runner.MarWorker`."""

    def sinogram(self, request: SinogramRequest, on_message: Callable[[Message], None]) -> Run:
        """Start projecting a slice, and return immediately."""


class Sinograms:
    """Sinograms computed on request, one slice at a time; only the latest request counts.

    Event, sent on the window's thread: `changed()` when `current` or the reason for its absence (`refusal`) changes.

    Attributes:
        current: sinograms of the last projected slice; None if there are none.
        asked: index of the last requested slice, and revision of its mask;
            None if no slice was requested.
        refusal: reason why the requested slice could not be projected; empty otherwise.
    """

    changed = Signal()

    def __init__(self, worker: Callable[[], Projecting], post: Post) -> None:
        self.current: SliceSinogram | None = None
        self.asked: tuple[int, int] | None = None
        self.refusal = ""
        self._worker = worker
        self._wanted: SinogramRequest | None = None
        self._projecting = Latest.on_own_thread(post, "sinogram")

    @property
    def is_busy(self) -> bool:
        """Return whether a slice is being projected."""
        return self._projecting.is_busy

    def want(self, request: SinogramRequest | None, revision: int = 0) -> None:
        """Request the sinogram for a slice and a given revision of its mask; None cancels the last request.

        A projection in progress continues to its end, but its result is discarded; the new projection then
        starts.
        """
        self._projecting.drop()
        self._wanted = request
        self.asked = None if request is None else (request.slice_index, revision)
        if request is None:
            self.current = None
            self.refusal = ""
            self.changed.emit()
        elif not self.is_busy:
            self._ask()

    def _ask(self) -> None:
        request, self._wanted = self._wanted, None
        if request is None:
            return
        paths: dict[str, Path] = {}

        def hear(message: Message) -> None:
            if isinstance(message, Output):
                paths[message.name] = Path(message.path)

        try:
            run = self._worker().sinogram(request, hear)
        except MarviewError as refusal:
            self._take(self.current, str(refusal))
            return

        def wait(_is_stale: IsStale) -> tuple[SliceSinogram | None, str]:
            outcome = run.wait()
            answer: SliceSinogram | None = None
            if outcome.state == "done" and all(name in paths for name in WANTED):
                sinogram, trace, filled = (np.load(paths[name], allow_pickle=False) for name in WANTED)
                coverage = TraceCoverage(**outcome.report["coverage"])
                answer = SliceSinogram(request.slice_index, sinogram, trace.astype(bool), filled, coverage)
            run.discard_outputs()
            return answer, outcome.sentence

        def fail(sentence: str) -> None:
            run.cancel()
            self._take(self.current, sentence)

        self._projecting.run(wait, lambda answer: self._take(*answer), fail, self._ask)

    def _take(self, answer: SliceSinogram | None, refusal: str) -> None:
        self.current, self.refusal = answer, refusal
        self.changed.emit()
