"""Segment the metal in a volume according to a recipe, reusing the mask of an earlier recipe if possible."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from marview.session.background import IsStale
from marview.session.kept_metal import packed, unpacked
from marview.session.segmenting import Core, Mask, Recipe, Source, find_core, finish
from marview.volume.patch import MaskPatch
from marview.volume.scale import scale_of
from marview.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class Found:
    """Result of a search for metal.

    Attributes:
        core: metal found by the search; the box, minimum size and margin are not applied yet.
        mask: metal, bool `[z, y, x]`.
        edited: packed, hand-edited mask from which the recipe starts; None if there is no such mask.
    """

    core: Core
    mask: Mask
    edited: MaskPatch | None


class MetalSearch:
    """Search for the metal in one volume.

    Attributes:
        core: metal found with the recipe in use, without the box, minimum size and margin; None before
            the first search.
        edited: packed, hand-edited masks, keyed by the number of the edit.
    """

    def __init__(self, volume: Volume) -> None:
        self.core: Core | None = None
        self.edited: dict[int, MaskPatch | None] = {}
        self._volume = volume
        self._scale_notes: tuple[str, ...] | None = None

    def prepare(self, recipe: Recipe, mask: Mask, notes: tuple[str, ...]) -> Callable[[IsStale], Found | None]:
        """Return a function that finds metal on a background thread.

        The function returns None if the request is outdated.

        Args:
            recipe: recipe that defines the search.
            mask: mask in use, bool `[z, y, x]`. A recipe for a hand-edited mask starts from the mask in
                use if no packed mask is stored for that edit.
            notes: notes on the mask in use.
        """
        core = self.core if self.core is not None and self.core.recipe == recipe.core else None
        kept = self.edited.get(recipe.edit)

        def search(is_stale: IsStale) -> Found | None:
            if is_stale():
                return None
            found, edited = core, None
            if found is None and recipe.source is Source.HAND:
                hand = mask.copy() if kept is None else unpacked(kept, mask.shape)
                found, edited = Core(recipe.core, hand, math.nan, notes), kept or packed(hand)
            elif found is None:
                found = find_core(self._volume, recipe, self.scale_notes(), is_stale)
            if found is None or is_stale():
                return None
            return Found(found, finish(found.mask, recipe, self._volume.grid), edited)

        return search

    def scale_notes(self) -> tuple[str, ...]:
        """Return notes on the volume's HU scale, computed on first use; call this in the background."""
        if self._scale_notes is None:
            self._scale_notes = scale_of(self._volume.hu).notes
        return self._scale_notes
