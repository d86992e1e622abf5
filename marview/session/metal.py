"""The metal mask of the series in view: find metal, edit the mask, undo and redo."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from psygnal import Signal, SignalInstance

from marview.mar.shared import SharedArray
from marview.session.background import Background, IsStale
from marview.session.doubt import Doubt
from marview.session.kept_metal import KeptMetal, MetalState, is_work, packed
from marview.session.mask_changes import MaskChanges
from marview.session.messages import Messages, Severity
from marview.session.metal_search import Found, MetalSearch
from marview.session.segmenting import Core, Mask, Recipe, Source
from marview.session.shared_mask import SharedMask
from marview.text import tr
from marview.volume.box import Box
from marview.volume.metal_mask import MetalMask
from marview.volume.patch import MaskPatch
from marview.volume.undo import Step
from marview.volume.volume import Volume

__all__ = ["KeptMetal", "Metal", "Recipe", "Source"]


class Metal(SharedMask):
    """Metal mask of the series in view, with methods to find metal and to edit the mask.

    Events on the window's thread, in addition to the inherited `touched`: `changed()` when the mask or
    its recipe has changed (for a stroke, when the stroke ends); `busy()` when `is_busy` changes.

    Attributes:
        recipe: recipe of the mask in use.
        asked: recipe that was requested last; it differs from `recipe` during a search for metal and
            while region growing has no seed.
        found_threshold_hu: threshold in effect, chosen or found automatically; NaN if there is none.
        is_found: whether the search for metal has finished, or a mask was restored.
        saved: recipe of the last exported mask.
    """

    changed = Signal()

    def __init__(self, background: Background, messages: Messages) -> None:
        super().__init__(background.let_go)
        self._messages = messages
        self._changes = MaskChanges(background, messages)
        self._doubt = Doubt(
            messages, lambda: self.choose(source=Source.ADAPTIVE, threshold_hu=None, is_doubtful_metal=True)
        )
        self._clear(None)

    def put_away(self) -> KeptMetal | None:
        """Return the mask and its undo steps for a later `take` call; None if there is nothing to store."""
        self.end_stroke()
        if self.mask is None or self._search is None or not self.is_found:
            return None
        return KeptMetal(
            shape=self.mask.array.shape,
            packed=self._packed_now(),
            undo_stack=self.mask.undo_stack,
            state=self._state,
            saved=self.saved,
            edits=self._edits,
            edited=self._search.edited,
            doubt=self._doubt.words,
        )

    def take(self, volume: Volume | None, kept: KeptMetal | None = None, room: SharedArray | None = None) -> None:
        """Switch to another volume, with an empty mask or the one from `put_away`.

        Args:
            volume: new volume; None if no series is open.
            kept: return value of `put_away`.
            room: zero-filled array, bool `[z, y, x]`, whose memory the mask takes over; allocated if None.

        Raises:
            MarviewError: there is not enough memory for the mask.
        """
        self._changes.drop()
        self._doubt.withdraw()
        self._allocate(volume, room, lambda: self._state)
        self._clear(volume)
        if kept is not None and self.mask is not None and self._search is not None:
            self._take_up(kept, self.mask, self._search)
        self.changed.emit()

    def _clear(self, volume: Volume | None) -> None:
        self._search = None if volume is None else MetalSearch(volume)
        self.recipe = self.asked = Recipe()
        self.notes: tuple[str, ...] = ()
        self.found_threshold_hu = math.nan
        self.is_found = False
        self.saved = Recipe()
        self._edits = 0

    def _take_up(self, kept: KeptMetal, mask: MetalMask, search: MetalSearch) -> None:
        mask.undo_stack = kept.undo_stack
        self._edits, search.edited = kept.edits, kept.edited
        self.is_found, self.saved = True, kept.saved
        self.recipe = self.asked = kept.state.recipe
        self.found_threshold_hu, self.notes = kept.state.threshold_hu, kept.state.notes
        if kept.packed is not None:
            self._touch(kept.packed.apply(mask.array))
        self._doubt.words = kept.doubt

    @property
    def busy(self) -> SignalInstance:
        """Event emitted when `is_busy` changes."""
        return self._changes.busy

    @property
    def is_busy(self) -> bool:
        """Return whether a search for metal or a change of the whole mask is in progress."""
        return self._changes.is_busy

    @property
    def is_unsaved(self) -> bool:
        """Return whether the mask has been edited by hand since it was last exported."""
        return is_work(self.recipe, self.saved)

    # -- by a recipe

    def find(self) -> None:
        """Find metal automatically."""
        self.choose(source=Source.ADAPTIVE, threshold_hu=None)

    def set_source(self, source: Source) -> None:
        """Change the source of the mask.

        Choosing a threshold as the source keeps the threshold in effect; choosing region growing clears
        the seeds.
        """
        if source is Source.THRESHOLD and self.asked.source is source:
            return
        threshold_hu = self.found_threshold_hu if source is Source.THRESHOLD else math.nan
        self.choose(source=source, seeds=(), threshold_hu=None if math.isnan(threshold_hu) else threshold_hu)

    def set_threshold(self, threshold_hu: float) -> None:
        """Mark voxels above a threshold as metal."""
        self.choose(source=Source.THRESHOLD, threshold_hu=threshold_hu)

    def set_margin(self, margin_mm: float) -> None:
        """Set the margin by which the mask grows (positive) or shrinks (negative)."""
        self.choose(margin_mm=margin_mm)

    def add_seed(self, seed_zyx: tuple[int, int, int]) -> None:
        """Add a seed for region growing."""
        self.choose(source=Source.GROWING, seeds=(*self.asked.seeds, seed_zyx))

    def choose(self, **changes: Any) -> None:
        """Change fields of the requested recipe, and find the metal again."""
        self.end_stroke()
        recipe = replace(self.asked, **changes)
        search, mask = self._search, self.mask
        if search is None or mask is None or (recipe == self.asked and self.is_found):
            return
        before = self.recipe if self.is_busy else self.asked
        self.asked = recipe
        if recipe.source is Source.GROWING and not recipe.seeds:
            self._changes.drop()
            self.changed.emit()
            return
        find, patch_to = search.prepare(recipe, mask.array, self.notes), self._patches(mask)

        def work(is_stale: IsStale) -> tuple[Found, MaskPatch | None] | None:
            found = find(is_stale)
            return None if found is None else (found, patch_to(found.mask))

        def done(answer: tuple[Found, MaskPatch | None] | None) -> None:
            if answer is not None:
                self._take_found(*answer, recipe, mask, search)

        self._changes.run(work, done, lambda: self._return_to(before))

    def _take_found(
        self, found: Found, patch: MaskPatch | None, recipe: Recipe, mask: MetalMask, search: MetalSearch
    ) -> None:
        if patch is not None and self.is_found:  # the first mask found cannot be undone
            mask.undo_stack.push(patch)
        search.core, self.is_found = found.core, True
        if recipe.source is Source.HAND:
            search.edited[recipe.edit] = found.edited or search.edited.get(recipe.edit)
        self.recipe, self.notes = recipe, found.core.notes
        self.found_threshold_hu = found.core.threshold_hu
        self._doubt.ask(found.core.doubt)
        if patch is not None:
            self._touch(patch.apply(mask.array))
        self.changed.emit()

    def ask_again(self) -> None:
        """Repeat an unanswered question about doubtful voxels; call this when all slices have been read."""
        self._doubt.ask_again()

    # -- by hand

    def begin_stroke(self) -> bool:
        """Start a stroke, which becomes one undo step; return False if another change is in progress."""
        if self.mask is None or self._changes.is_held_up():
            return False
        self.mask.begin_stroke()
        self.is_painting = True
        return True

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
        if mask is None or self._changes.is_held_up():
            return
        patch_to = self._patches(mask)

        def done(patch: MaskPatch | None) -> None:
            if patch is None:
                self._messages.say(Severity.INFO, tr("The mask is unchanged."))
            else:
                self._touch(patch.apply(mask.array))
                mask.undo_stack.push(patch)
                self._count_edit()
            self.changed.emit()
            then()

        self._changes.run(
            lambda _is_stale: patch_to(change(mask.array)),
            done,
            lambda: self._return_to(self.asked),
        )

    def put(
        self, given: Mask, origin: str, notes: tuple[str, ...] = (), then: Callable[[], object] = lambda: None
    ) -> None:
        """Use a mask from a file or an earlier session, as one undo step; `origin` describes its source."""
        self.end_stroke()
        mask, search = self.mask, self._search
        if mask is None or search is None:
            return
        before, patch_to = self.asked, self._patches(mask)

        def work(_is_stale: IsStale) -> tuple[MaskPatch | None, MaskPatch | None, tuple[str, ...]]:
            told = tuple(dict.fromkeys((*notes, *search.scale_notes())))
            return patch_to(given), packed(given), told

        def done(answer: tuple[MaskPatch | None, MaskPatch | None, tuple[str, ...]]) -> None:
            patch, edited, told = answer
            if patch is not None:
                self._touch(patch.apply(mask.array))
                mask.undo_stack.push(patch)
            self._edits += 1
            self.recipe = self.asked = Recipe(Source.HAND, edit=self._edits, edited_from=origin, is_given=True)
            search.edited[self._edits] = edited
            search.core, self.is_found = Core(self.recipe, given, math.nan, told), True
            self.found_threshold_hu, self.notes = math.nan, told
            self.changed.emit()
            then()

        self._changes.run(work, done, lambda: self._return_to(before))

    def undo(self) -> Box | None:
        """Undo the last change, and return the bounding box of the changed voxels."""
        self.end_stroke()
        return None if self.mask is None else self._settle(self.mask.undo())

    def redo(self) -> Box | None:
        """Redo the last undone change, and return the bounding box of the changed voxels."""
        self.end_stroke()
        return None if self.mask is None else self._settle(self.mask.redo())

    def close(self) -> None:
        """Release the memory of the mask."""
        self._changes.drop()
        super().close()

    # -- inside

    @property
    def _state(self) -> MetalState:
        return MetalState(self.recipe, self.found_threshold_hu, self.notes)

    def _count_edit(self) -> None:
        """Mark the mask as edited by hand; threshold, box and margin then no longer apply."""
        self._doubt.withdraw()
        self._edits += 1
        self.is_found = True
        is_new = self.recipe == Recipe() and math.isnan(self.found_threshold_hu)
        self.recipe = Recipe(Source.HAND, edit=self._edits) if is_new else self.recipe.edited(self._edits)
        self.asked = self.recipe

    def _settle(self, step: Step | None) -> Box | None:
        """Restore the description of the mask after undo or redo; return the box of changed voxels."""
        if step is None:
            return None
        state: MetalState = step.description
        self._changes.drop()
        self.recipe = self.asked = state.recipe
        self.found_threshold_hu, self.notes = state.threshold_hu, state.notes
        self._touch(step.box)
        self.changed.emit()
        return step.box

    def _return_to(self, before: Recipe) -> None:
        """Return to an earlier recipe after a change has failed."""
        self.asked = before
        self.changed.emit()
