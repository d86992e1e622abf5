"""The metal mask of the series in view: found, by threshold, grown by a margin; undo and redo."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.errors import BadInput
from marview.mar.shared import SharedArray
from marview.session.background import Background, Generation
from marview.session.messages import Messages, Severity
from marview.volume.mask import grow_mm
from marview.volume.metal_mask import MetalMask
from marview.volume.patch import MaskPatch
from marview.volume.segment import adaptive
from marview.volume.volume import Volume


@dataclass(frozen=True)
class Recipe:
    """How the mask came about.

    Attributes:
        threshold_hu: what metal exceeds; None where it is found by itself.
        margin_mm: by how much what was found is grown (+) or shrunk (-).
    """

    threshold_hu: float | None = None
    margin_mm: float = 0.0

    @property
    def text(self) -> str:
        """How the metal was found, in words; the margin is told beside it."""
        return "adaptive" if self.threshold_hu is None else f"above {self.threshold_hu:.0f} HU"


@dataclass(frozen=True, eq=False)
class _Found:
    core: NDArray[np.bool_]
    patch: MaskPatch | None
    threshold_hu: float
    notes: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Known:
    core: NDArray[np.bool_] | None
    threshold_hu: float
    notes: tuple[str, ...]


class Metal:
    """Holds the mask in shared memory.

    Events, on the window's thread: `changed()` when the mask is another, `busy()` when `is_busy` changed.

    Attributes:
        recipe: how the mask in use came about.
        mask: the mask, to be edited in place, with its undo; None while no series is open.
        shared: the memory it lies in.
        is_busy: whether it is being found.
        found_threshold_hu: the threshold in effect, also the one that was found; NaN where there is no metal.
        counts: metal voxels in every slice, `[z]`.
    """

    changed = Signal()
    busy = Signal()

    def __init__(self, background: Background, messages: Messages) -> None:
        self.recipe = Recipe()
        self.found_threshold_hu = float("nan")
        self.notes: tuple[str, ...] = ()
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.shared: SharedArray | None = None
        self.mask: MetalMask | None = None
        self.is_busy = False
        self._background = background
        self._messages = messages
        self._requests = Generation()
        self._volume: Volume | None = None
        self._core: NDArray[np.bool_] | None = None
        self._core_threshold: float | None = None
        self._asked = Recipe()
        self._past: list[Recipe] = []
        self._future: list[Recipe] = []

    def take(self, volume: Volume | None) -> None:
        """Begin with another volume, with no mask."""
        self._requests.next()
        if self.shared is not None:
            self.shared.close()
        self.shared = None if volume is None else SharedArray.create(volume.hu.shape, np.bool_)
        self.mask = None
        if volume is not None and self.shared is not None:
            self.mask = MetalMask(self.shared.array, volume.grid.spacing_mm, volume.hu)
        self._volume = volume
        self._core = None
        self.recipe = self._asked = Recipe()
        self.notes, self.found_threshold_hu = (), float("nan")
        self.counts = np.zeros(0 if volume is None else volume.hu.shape[0], np.int64)
        self._past.clear()
        self._future.clear()
        self.changed.emit()

    @property
    def is_present(self) -> bool:
        """Whether there is metal."""
        return bool(self.counts.any())

    @property
    def slices(self) -> NDArray[np.int64]:
        """Indices z of the slices with metal."""
        return np.flatnonzero(self.counts)

    def plane(self, slice_index: int) -> NDArray[np.bool_] | None:
        """The mask of a slice, `[y, x]`; None where it holds no metal."""
        if self.shared is None or not self.counts[slice_index]:
            return None
        return np.asarray(self.shared.array[slice_index])

    def find(self) -> None:
        """Find the metal by itself."""
        self._set(replace(self._asked, threshold_hu=None))

    def set_threshold(self, threshold_hu: float) -> None:
        """Metal is what exceeds this."""
        self._set(replace(self._asked, threshold_hu=threshold_hu))

    def set_margin(self, margin_mm: float) -> None:
        """Grow (+) or shrink (-) what was found."""
        self._set(replace(self._asked, margin_mm=margin_mm))

    def undo(self) -> None:
        """Go back to the mask before."""
        if self._past and self.mask is not None and self.mask.undo() is not None:
            self._future.append(self.recipe)
            self._settle(self._past.pop())

    def redo(self) -> None:
        """Take back the last undo."""
        if self._future and self.mask is not None and self.mask.redo() is not None:
            self._past.append(self.recipe)
            self._settle(self._future.pop())

    def nearest(self, slice_index: int, step: int) -> int | None:
        """The next (1) or previous (-1) slice with metal."""
        slices = self.slices
        ahead = slices[slices > slice_index] if step > 0 else slices[slices < slice_index][::-1]
        return int(ahead[0]) if len(ahead) else None

    def outward(self, slice_index: int) -> tuple[int, ...]:
        """The slices with metal, from one outward."""
        return tuple(sorted((int(z) for z in self.slices), key=lambda z: (abs(z - slice_index), z)))

    def close(self) -> None:
        """Let go of the mask."""
        self._requests.next()
        self.mask = None
        if self.shared is not None:
            self.shared.close()
            self.shared = None

    def _set(self, recipe: Recipe) -> None:
        volume, mask = self._volume, self.mask
        if volume is None or mask is None or (recipe == self._asked and self._core is not None):
            return
        self._asked = recipe
        ticket = self._requests.next()
        core = self._core if self._core_threshold == recipe.threshold_hu else None
        known = _Known(core, self.found_threshold_hu, self.notes)
        self._set_busy(is_busy=True)
        self._background.run(
            lambda: _find(volume, mask.array, recipe, known, lambda: not self._requests.is_current(ticket)),
            lambda found: self._take_found(found, recipe, ticket),
            lambda sentence: self._fail(sentence, ticket),
        )

    def _take_found(self, found: _Found | None, recipe: Recipe, ticket: int) -> None:
        mask = self.mask
        if found is None or mask is None or not self._requests.is_current(ticket):
            return
        self._set_busy(is_busy=False)
        if found.patch is not None:
            found.patch.apply(mask.array)
            if self._core is not None:  # what was found first is where undo ends
                mask.undo_stack.push(found.patch)
                self._past.append(self.recipe)
                self._future.clear()
        self._core, self._core_threshold = found.core, recipe.threshold_hu
        self.recipe = recipe
        self.found_threshold_hu, self.notes, self.counts = found.threshold_hu, found.notes, found.counts
        self.changed.emit()

    def _settle(self, recipe: Recipe) -> None:
        """The mask is as it was with this recipe."""
        self._requests.next()
        self._set_busy(is_busy=False)
        self.recipe = self._asked = recipe
        if recipe.threshold_hu is not None:
            self.found_threshold_hu = recipe.threshold_hu
        if self.mask is not None:
            self.counts = np.count_nonzero(self.mask.array, axis=(1, 2)).astype(np.int64)
        self.changed.emit()

    def _set_busy(self, *, is_busy: bool) -> None:
        if is_busy != self.is_busy:
            self.is_busy = is_busy
            self.busy.emit()

    def _fail(self, sentence: str, ticket: int) -> None:
        if self._requests.is_current(ticket):
            self._asked = self.recipe
            self._set_busy(is_busy=False)
            self._messages.say(Severity.ERROR, sentence)
            self.changed.emit()


def _find(
    volume: Volume,
    present: NDArray[np.bool_],
    recipe: Recipe,
    known: _Known,
    is_stale: Callable[[], bool],
) -> _Found | None:
    """Off the window's thread: what is to change in the mask that is present."""
    if is_stale():
        return None
    core, threshold_hu, notes = known.core, known.threshold_hu, known.notes
    if core is None and recipe.threshold_hu is None:
        found = adaptive(volume.hu, volume.grid.spacing_mm)
        core, threshold_hu, notes = found.mask, found.threshold_hu, found.notes
    elif core is None:
        threshold = float(recipe.threshold_hu or 0)
        core, threshold_hu, notes = volume.hu > threshold, threshold, ()
    if is_stale():
        return None
    mask = grow_mm(core, recipe.margin_mm, volume.grid.spacing_mm) if recipe.margin_mm else core
    if core.any() and not mask.any():
        raise BadInput(f"Nothing of the metal is left at a margin of {recipe.margin_mm:g} mm; shrink it by less.")
    patch = MaskPatch.between(present, mask)
    return _Found(core, patch, threshold_hu, notes, np.count_nonzero(mask, axis=(1, 2)).astype(np.int64))
