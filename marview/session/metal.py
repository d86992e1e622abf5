"""The metal mask of the series in view: found by a recipe, edited by hand, with undo and redo."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.mar.shared import SharedArray
from marview.session.background import Background, IsStale
from marview.session.messages import Message, Messages, Question, Severity
from marview.session.segmenting import Core, Mask, Recipe, Source, find_core, finish
from marview.text import tr
from marview.volume.box import Box
from marview.volume.brush import Brush, Point
from marview.volume.metal_mask import MetalMask
from marview.volume.patch import MaskPatch
from marview.volume.scale import Scale, scale_of
from marview.volume.undo import Step, UndoStack
from marview.volume.volume import Volume

__all__ = ["KeptMetal", "Metal", "Recipe", "Source"]


@dataclass(frozen=True, eq=False)
class _Found:
    core: Core
    patch: MaskPatch | None
    packed: MaskPatch | None


@dataclass(frozen=True)
class _State:
    recipe: Recipe
    threshold_hu: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class KeptMetal:
    """The packed mask of a series that is not in view, with its undo and redo."""

    shape: tuple[int, ...]
    packed: MaskPatch | None
    undo_stack: UndoStack
    state: _State
    saved: Recipe
    edits: int
    edited: dict[int, MaskPatch | None]
    doubt: str = ""

    @property
    def is_unsaved(self) -> bool:
        """Return whether the mask was edited by hand and not exported."""
        return _is_work(self.state.recipe, self.saved)


class Metal:
    """Holds the mask in shared memory.

    Events on the window's thread: `touched(box)` when voxels in a box changed, also during a stroke; `changed()` when
    the mask or its recipe changed, at the end of a stroke; `busy()` when `is_busy` changed.

    Attributes:
        recipe: recipe of the mask in use.
        asked: recipe in progress, or the one in use; region growing waits here for its first seed.
        mask: mask that is edited in place, with undo; None if no series is open.
        shared: shared memory of the mask.
        is_busy: whether the whole mask is being found or changed.
        is_painting: whether a stroke is in progress.
        found_threshold_hu: threshold in effect, chosen or found automatically; NaN without metal.
        counts: number of metal voxels per slice, `[z]`.
        is_found: whether the search for metal has finished, or a mask was restored.
        saved: recipe of the mask exported last.
    """

    touched = Signal(object)
    changed = Signal()
    busy = Signal()

    def __init__(self, background: Background, messages: Messages) -> None:
        self.shared: SharedArray | None = None
        self.mask: MetalMask | None = None
        self.is_busy = False
        self._messages = messages
        self._changes = background.latest()
        self._let_go = background.let_go
        self._refused: Message | None = None
        self._question: Question | None = None
        self._doubt = ""
        self._clear(None)

    def put_away(self) -> KeptMetal | None:
        """Return mask and undo for a later `take`; None if there is nothing to keep."""
        self.end_stroke()
        if self.mask is None or not self.is_found:
            return None
        return KeptMetal(
            shape=self.mask.array.shape,
            packed=self._packed_now(),
            undo_stack=self.mask.undo_stack,
            state=self._state,
            saved=self.saved,
            edits=self._edits,
            edited=self._edited,
            doubt=self._doubt,
        )

    def take(self, volume: Volume | None, kept: KeptMetal | None = None, room: SharedArray | None = None) -> None:
        """Switch to another volume, with an empty mask or the one from `put_away`.

        Args:
            volume: volume; None if no series is open.
            kept: return value of `put_away`.
            room: zeros for the mask, bool `[z, y, x]`, owned by the mask from now on; allocated if None.

        Raises:
            MarviewError: there is not enough memory for the mask.
        """
        self._changes.drop()
        self._withdraw_question()
        self.mask = None
        if self.shared is not None:
            self._let_go(self.shared.close)
        self.shared = None
        if volume is not None:
            self.shared = SharedArray.create(volume.hu.shape, np.bool_) if room is None else room
        if volume is not None and self.shared is not None:
            self.mask = MetalMask(
                self.shared.array,
                volume.grid.stack_mm,
                volume.hu,
                drift_mm=volume.grid.drift_mm,
                describe=lambda: self._state,
            )
        self._clear(volume)
        self._set_busy(is_busy=False)
        if kept is not None and self.mask is not None:
            self._take_up(kept, self.mask)
        self.changed.emit()

    def _clear(self, volume: Volume | None) -> None:
        self._volume = volume
        self.recipe = self.asked = Recipe()
        self.notes: tuple[str, ...] = ()
        self.found_threshold_hu = math.nan
        self.counts: NDArray[np.int64] = np.zeros(0 if volume is None else volume.hu.shape[0], np.int64)
        self.is_painting = self.is_found = False
        self.saved = Recipe()
        self._core: Core | None = None
        self._scale: tuple[Volume, Scale] | None = None
        self._edits = 0
        self._edited: dict[int, MaskPatch | None] = {}

    def _take_up(self, kept: KeptMetal, mask: MetalMask) -> None:
        mask.undo_stack = kept.undo_stack
        self._edits, self._edited = kept.edits, kept.edited
        self.is_found, self.saved = True, kept.saved
        self.recipe = self.asked = kept.state.recipe
        self.found_threshold_hu, self.notes = kept.state.threshold_hu, kept.state.notes
        if kept.packed is not None:
            self._touch(kept.packed.apply(mask.array))
        self._doubt = kept.doubt

    @property
    def is_present(self) -> bool:
        """Return whether there is metal."""
        return bool(self.counts.any())

    @property
    def is_unsaved(self) -> bool:
        """Return whether the mask was edited by hand and not exported since."""
        return _is_work(self.recipe, self.saved)

    @property
    def slices(self) -> NDArray[np.int64]:
        """Return the indices z of the slices with metal."""
        return np.flatnonzero(self.counts)

    @property
    def span(self) -> slice:
        """Return the range of slices from the first to the last one with metal."""
        slices = self.slices
        return slice(int(slices[0]), int(slices[-1]) + 1) if len(slices) else slice(0, 0)

    def copy(self) -> Mask:
        """Return a copy of the mask, bool `[z, y, x]`; slices without metal use no memory."""
        if self.shared is None:
            return np.zeros((0, 0, 0), bool)
        copied = np.zeros(self.shared.array.shape, bool)
        for z in self.slices:
            copied[z] = self.shared.array[z]
        return copied

    def plane(self, slice_index: int) -> NDArray[np.bool_] | None:
        """Return the mask of a slice, `[y, x]`; None without metal."""
        if self.shared is None or not self.counts[slice_index]:
            return None
        return np.asarray(self.shared.array[slice_index])

    def nearest(self, slice_index: int, step: int) -> int | None:
        """Return the nearest slice with metal after (1) or before (-1) an index; None if there is none."""
        slices = self.slices
        ahead = slices[slices > slice_index] if step > 0 else slices[slices < slice_index][::-1]
        return int(ahead[0]) if len(ahead) else None

    def outward(self, slice_index: int) -> tuple[int, ...]:
        """Return the slices with metal, ordered by distance from one."""
        return tuple(sorted((int(z) for z in self.slices), key=lambda z: (abs(z - slice_index), z)))

    # -- by a recipe

    def find(self) -> None:
        """Find metal automatically."""
        self.choose(source=Source.ADAPTIVE, threshold_hu=None)

    def set_source(self, source: Source) -> None:
        """Change the source of the mask; a threshold starts from the present one, growing without seeds."""
        if source is Source.THRESHOLD and self.asked.source is source:
            return
        threshold_hu = self.found_threshold_hu if source is Source.THRESHOLD else math.nan
        self.choose(source=source, seeds=(), threshold_hu=None if math.isnan(threshold_hu) else threshold_hu)

    def set_threshold(self, threshold_hu: float) -> None:
        """Mark voxels above a threshold as metal."""
        self.choose(source=Source.THRESHOLD, threshold_hu=threshold_hu)

    def set_margin(self, margin_mm: float) -> None:
        """Grow (+) or shrink (-) the metal found."""
        self.choose(margin_mm=margin_mm)

    def add_seed(self, seed_zyx: tuple[int, int, int]) -> None:
        """Add a seed of region growing."""
        self.choose(source=Source.GROWING, seeds=(*self.asked.seeds, seed_zyx))

    def choose(self, **changes: Any) -> None:
        """Change the latest recipe and find the metal again."""
        self.end_stroke()
        recipe = replace(self.asked, **changes)
        volume, mask = self._volume, self.mask
        if volume is None or mask is None or (recipe == self.asked and self.is_found):
            return
        before = self.recipe if self.is_busy else self.asked
        self.asked = recipe
        self._changes.drop()
        if recipe.source is Source.GROWING and not recipe.seeds:
            self._set_busy(is_busy=False)
            self.changed.emit()
            return
        core = self._core if self._core is not None and self._core.recipe == recipe.core else None
        edited, notes = self._edited.get(recipe.edit), self.notes
        self._set_busy(is_busy=True)

        def work(is_stale: IsStale) -> _Found | None:
            if is_stale():
                return None
            found, packed = core, None
            if found is None and recipe.source is Source.HAND:
                hand = mask.array.copy() if edited is None else _unpacked(edited, mask.array.shape)
                found, packed = Core(recipe.core, hand, math.nan, notes), edited or _packed(hand)
            elif found is None:
                found = find_core(volume, recipe, self._scale_notes(volume), is_stale)
            if found is None or is_stale():
                return None
            wanted = finish(found.mask, recipe, volume.grid)
            return _Found(found, self._patch_to(wanted, mask), packed)

        self._changes.run(
            work, lambda found: self._take_found(found, recipe), lambda sentence: self._fail(sentence, before)
        )

    def _take_found(self, found: _Found | None, recipe: Recipe) -> None:
        mask = self.mask
        if found is None or mask is None:
            return
        self._set_busy(is_busy=False)
        if found.patch is not None and self.is_found:  # the first mask found is the last undo step
            mask.undo_stack.push(found.patch)
        self._core, self.is_found = found.core, True
        if recipe.source is Source.HAND:
            self._edited[recipe.edit] = found.packed or self._edited.get(recipe.edit)
        self.recipe, self.notes = recipe, found.core.notes
        self.found_threshold_hu = found.core.threshold_hu
        self._ask_about(found.core.doubt)
        if found.patch is not None:
            self._touch(found.patch.apply(mask.array))
        self.changed.emit()

    def ask_again(self) -> None:
        """Repeat a question left unanswered earlier; call it once all slices are read."""
        if self._question is None:
            self._ask_about(self._doubt)

    def _ask_about(self, doubt: str) -> None:
        """Ask whether doubtful voxels are metal; withdraw an earlier question."""
        self._withdraw_question()
        if doubt:
            self._doubt = doubt
            self._question = self._messages.ask(Question(doubt, tr("Mark as metal"), tr("No metal"), self._answer))

    def _answer(self, is_yes: bool) -> None:  # noqa: FBT001 - the signature of an answer
        self._question, self._doubt = None, ""
        if is_yes:
            self.choose(source=Source.ADAPTIVE, threshold_hu=None, is_doubtful_metal=True)

    def _withdraw_question(self) -> None:
        if self._question is not None:
            self._messages.withdraw(self._question)
        self._question, self._doubt = None, ""

    # -- by hand

    def begin_stroke(self) -> bool:
        """Start a stroke, which is one edit; return False if the mask is already being changed."""
        if self.mask is None or self._is_held_up():
            return False
        self.mask.begin_stroke()
        self.is_painting = True
        return True

    def stamp(self, start: Point, end: Point, brush: Brush) -> None:
        """Draw the brush from one pointer position to the next, within a stroke."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.stamp(start, end, brush))

    def fill_outline(self, slice_index: int, outline_yx: NDArray[np.float64], brush: Brush) -> None:
        """Fill a polygon or freehand outline, `[corner, (y, x)]` in voxels, within a stroke."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.fill_outline(slice_index, outline_yx, brush))

    def flip(self, patch: MaskPatch) -> None:
        """Flip the voxels of a patch, within a stroke."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.flip(patch))

    def end_stroke(self) -> None:
        """End the stroke."""
        if self.mask is None or not self.is_painting:
            return
        self.is_painting = False
        if self.mask.end_stroke() is not None:
            self._count_edit()
        self.changed.emit()

    def edit(self, change: Callable[[Mask], Mask], then: Callable[[], None] = lambda: None) -> None:
        """Change the whole mask in the background; call `then` when it is done."""
        self.end_stroke()
        mask = self.mask
        if mask is None or self._is_held_up():
            return
        self._set_busy(is_busy=True)

        def done(patch: MaskPatch | None) -> None:
            self._set_busy(is_busy=False)
            if patch is None:
                self._messages.say(Severity.INFO, tr("Nothing to change: the mask stays as it is."))
            else:
                self._touch(patch.apply(mask.array))
                mask.undo_stack.push(patch)
                self._count_edit()
            self.changed.emit()
            then()

        self._changes.run(
            lambda _is_stale: self._patch_to(change(mask.array), mask),
            done,
            lambda sentence: self._fail(sentence, self.asked),
        )

    def put(
        self, given: Mask, origin: str, notes: tuple[str, ...] = (), then: Callable[[], object] = lambda: None
    ) -> None:
        """Use a mask of a file or an earlier session, as one undo step; `origin` describes it."""
        self.end_stroke()
        mask, volume = self.mask, self._volume
        if mask is None or volume is None:
            return
        before = self.asked
        self._set_busy(is_busy=True)

        def work(_is_stale: IsStale) -> tuple[MaskPatch | None, MaskPatch | None, tuple[str, ...]]:
            told = tuple(dict.fromkeys((*notes, *self._scale_notes(volume))))
            return self._patch_to(given, mask), _packed(given), told

        def done(answer: tuple[MaskPatch | None, MaskPatch | None, tuple[str, ...]]) -> None:
            self._set_busy(is_busy=False)
            patch, packed, told = answer
            if patch is not None:
                self._touch(patch.apply(mask.array))
                mask.undo_stack.push(patch)
            self._edits += 1
            self.recipe = self.asked = Recipe(Source.HAND, edit=self._edits, edited_from=origin, is_given=True)
            self._edited[self._edits] = packed
            self._core, self.is_found = Core(self.recipe, given, math.nan, told), True
            self.found_threshold_hu, self.notes = math.nan, told
            self.changed.emit()
            then()

        self._changes.run(work, done, lambda sentence: self._fail(sentence, before))

    @property
    def can_undo(self) -> bool:
        """Return whether there is a change to undo."""
        return self.mask is not None and self.mask.undo_stack.can_undo

    @property
    def can_redo(self) -> bool:
        """Return whether there is a change to redo."""
        return self.mask is not None and self.mask.undo_stack.can_redo

    def undo(self) -> Box | None:
        """Undo the last change and return the changed box."""
        self.end_stroke()
        return None if self.mask is None else self._settle(self.mask.undo())

    def redo(self) -> Box | None:
        """Redo the last undone change and return the changed box."""
        self.end_stroke()
        return None if self.mask is None else self._settle(self.mask.redo())

    def close(self) -> None:
        """Release the memory of the mask."""
        self._changes.drop()
        self.mask = None
        if self.shared is not None:
            self.shared.close()
            self.shared = None

    # -- inside

    def _scale_notes(self, volume: Volume) -> tuple[str, ...]:
        """Return notes on the HU scale of a series, computed once in the background."""
        known = self._scale
        if known is None or known[0] is not volume:
            known = self._scale = (volume, scale_of(volume.hu))
        return known[1].notes

    @property
    def _state(self) -> _State:
        return _State(self.recipe, self.found_threshold_hu, self.notes)

    def _count_edit(self) -> None:
        """Record an edit by hand; threshold, box and margin of the recipe are fixed from now on."""
        self._withdraw_question()
        self._edits += 1
        self.is_found = True
        is_new = self.recipe == Recipe() and math.isnan(self.found_threshold_hu)
        self.recipe = Recipe(Source.HAND, edit=self._edits) if is_new else self.recipe.edited(self._edits)
        self.asked = self.recipe

    def _patch_to(self, wanted: Mask, mask: MetalMask) -> MaskPatch | None:
        """Return the patch from the mask to another one; slices empty in both are skipped."""
        among = [z for z in range(len(wanted)) if self.counts[z] or wanted[z].any()]
        return MaskPatch.between(mask.array, wanted, among)

    def _packed_now(self) -> MaskPatch | None:
        """Return the packed mask of the slices with metal."""
        if self.mask is None or not self.is_present:
            return None
        rows, columns = self.mask.array.shape[1:]
        whole = (self.span, slice(0, rows), slice(0, columns))
        return MaskPatch.of_flips(self.mask.array[self.span], whole)

    def _touch(self, box: Box | None) -> None:
        """Report changed voxels in a box."""
        if box is not None and self.mask is not None:
            for z in range(box[0].start, box[0].stop):  # per slice: numpy counts along axes ten times slower
                self.counts[z] = np.count_nonzero(self.mask.array[z])
            self.touched.emit(box)

    def _settle(self, step: Step | None) -> Box | None:
        """Restore the description of the mask after a step was undone or redone; return the changed box."""
        if step is None:
            return None
        state: _State = step.description
        self._changes.drop()
        self._set_busy(is_busy=False)
        self.recipe = self.asked = state.recipe
        self.found_threshold_hu, self.notes = state.threshold_hu, state.notes
        self._touch(step.box)
        self.changed.emit()
        return step.box

    def _is_held_up(self) -> bool:
        if self.is_busy:
            self._messages.say(Severity.INFO, tr("The mask is being changed; try again in a moment."))
        return self.is_busy

    def _set_busy(self, *, is_busy: bool) -> None:
        if is_busy and self._refused is not None:  # the new attempt may succeed
            self._messages.unsay(self._refused)
            self._refused = None
        if is_busy != self.is_busy:
            self.is_busy = is_busy
            self.busy.emit()

    def _fail(self, sentence: str, before: Recipe) -> None:
        self.asked = before
        self._set_busy(is_busy=False)
        self._refused = self._messages.say(Severity.ERROR, sentence)
        self.changed.emit()


def _is_work(recipe: Recipe, saved: Recipe) -> bool:
    """Return whether a mask was edited by hand since it was saved."""
    return recipe.source is Source.HAND and not recipe.is_given and recipe != saved


def _packed(mask: Mask) -> MaskPatch | None:
    return MaskPatch.between(np.zeros(mask.shape, bool), mask)


def _unpacked(patch: MaskPatch, shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, bool)
    patch.apply(mask)
    return mask
