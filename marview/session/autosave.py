"""Save the user's work on each series in the background: every minute, and before and after each run."""

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from marview.errors import MarviewError
from marview.session.autosave_store import AutosaveStore, Work
from marview.session.measures import Measures
from marview.session.metal import Metal, Recipe
from marview.session.result import Result
from marview.session.result_record import write_result
from marview.threads import start_thread
from marview.volume.box import box_of
from marview.volume.patch import MaskPatch

EVERY_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Seen:
    work: Work
    array: NDArray[np.bool_]
    is_mask_worth_keeping: bool
    results: tuple[Result, ...]
    exported: tuple[str, ...]
    has_runs: bool


class Autosave:
    """Autosave of masks, measurements and results, except masks that marview found automatically.

    Changes to the series in view are detected as they happen. When another series is opened, the last
    state of the previous series is written immediately; its autosave is kept until that series is
    closed.

    Args:
        store: store of the autosaves.
        metal: mask of the series in view.
        measures: measurements of the series in view.
        work: function that returns the state of the user's work, or None if no series is open; called on
            the window's thread.
        results: function that returns the finished results of a series, given its key.
        has_runs: function that returns whether a run on a series is queued or in progress.
        every_s: interval in seconds between autosaves.
    """

    def __init__(
        self,
        store: AutosaveStore,
        metal: Metal,
        measures: Measures,
        work: Callable[[], Work | None],
        results: Callable[[str], list[Result]] = lambda _: [],
        has_runs: Callable[[str], bool] = lambda _: False,
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._metal = metal
        self._work = work
        self._results = results
        self._has_runs = has_runs
        self._every_s = every_s
        self._seen: _Seen | None = None
        self._left: dict[str, _Seen] = {}
        self._finished: list[Result] = []
        self._dropped: set[str] = set()
        self._mutex = threading.Lock()
        self._version = self._kept = 0
        self._wake = threading.Event()
        self._is_closed = False
        metal.touched.connect(self._touch)
        metal.changed.connect(self._look)
        measures.changed.connect(self._look)
        self._thread = start_thread(self._follow, "autosave")

    def save_soon(self) -> None:
        """Write unsaved changes immediately, in the background."""
        self._look()
        self._wake.set()

    def keep_result(self, result: Result) -> None:
        """Save a finished result immediately, even if another series is in view.

        Call this on the window's thread.
        """
        self.save_soon()
        key = result.series
        if result.done and (self._seen is None or self._seen.work.key != key):
            with self._mutex:
                self._finished.append(result)

    def leave(self) -> None:
        """Save the series in view before another one is opened; call this on the window's thread."""
        self._look()
        if self._seen is not None:
            with self._mutex:
                self._left[self._seen.work.key] = self._seen
            self._seen = None
            self._wake.set()

    def drop(self, key: str) -> None:
        """Remove the autosave of a closed series."""
        if self._seen is not None and self._seen.work.key == key:
            self._seen = None
        with self._mutex:
            self._left.pop(key, None)
            self._dropped.add(key)
        self._store.discard_work(key)

    def close(self) -> None:
        """End the session normally and remove its autosaves."""
        self._is_closed = True
        self._wake.set()
        self._thread.join(10)
        self._store.close()

    def _touch(self, _box: object) -> None:
        self._version += 1

    def _look(self) -> None:
        """Collect the state of the series in view; runs on the window's thread."""
        self._version += 1
        work, shared, recipe = self._work(), self._metal.shared, self._metal.recipe
        if work is None or shared is None or shared.array.shape != work.shape:
            self._seen = None
            return
        self._dropped.discard(work.key)
        origin = f"{recipe.text}, margin {recipe.margin_mm:+g} mm" if recipe.margin_mm else recipe.text
        results = self._results(work.key)
        self._seen = _Seen(
            replace(work, origin=origin),
            shared.array,
            recipe != Recipe(),
            tuple(one for one in results if one.done and not one.is_exported),
            tuple(one.kept_as for one in results if one.is_exported and one.kept_as),
            self._has_runs(work.key),
        )

    def _follow(self) -> None:
        while not self._is_closed:
            self._wake.wait(self._every_s)
            self._wake.clear()
            if not self._is_closed and (self._version != self._kept or self._left or self._finished):
                try:
                    self._keep()
                except (OSError, MarviewError):
                    _log.warning("the autosave could not be written", exc_info=True)

    def _keep(self) -> None:
        with self._mutex:
            left, self._left = self._left, {}
            finished, self._finished = self._finished, []
        for each in left.values():
            self._write(each, lambda: True)
        for result in finished:
            self._write_result(result.series, result)
        seen, version = self._seen, self._version
        if seen is not None:
            self._write(seen, self._is_still(version))
        self._kept = version

    def _write(self, seen: _Seen, is_still: Callable[[], bool]) -> None:
        metal = _packed(seen.array, is_still) if seen.is_mask_worth_keeping else None
        key = seen.work.key
        if metal is None and not seen.work.measures and not seen.results and not seen.has_runs:
            self._store.discard_work(key)
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._store.write(replace(seen.work, time=now), metal)
        for result in seen.results:
            self._write_result(key, result)
        for name in seen.exported:
            self._store.discard_result(key, name)
        if key in self._dropped:  # the series was closed while its autosave was being written
            self._store.discard_work(key)

    def _write_result(self, key: str, result: Result) -> None:
        """Write a result unless all its slices have already been written."""
        slices = len(result.done)
        if result.kept_slices != slices:
            result.kept_as = result.kept_as or uuid.uuid4().hex
            self._store.write_result(key, result.kept_as, lambda path: write_result(result, path))
            result.kept_slices = slices

    def _is_still(self, version: int) -> Callable[[], bool]:
        return lambda: version == self._version


def _packed(mask: NDArray[np.bool_], is_still: Callable[[], bool]) -> MaskPatch | None:
    """Pack the mask, and start again if a stroke changes it meanwhile; return None if the mask is empty."""
    metal = None
    for _ in range(3):
        box = box_of(mask)
        metal = None if box is None else MaskPatch.of_flips(mask[box].copy(), box)
        if is_still():
            break
    return metal
