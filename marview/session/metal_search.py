"""The search for the metal of one volume by recipes; metal found by an earlier recipe is reused."""

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
    """The answer to a recipe.

    Attributes:
        core: metal before box, smallest size and margin.
        mask: metal, bool `[z, y, x]`.
        edited: the packed mask that the recipe starts from, if that was edited by hand.
    """

    core: Core
    mask: Mask
    edited: MaskPatch | None


class MetalSearch:
    """Search for metal, in the background.

    Attributes:
        core: metal that the recipe in use found, before box, smallest size and margin; None before the first search.
        edited: packed masks edited by hand, by the number of the edit.
    """

    def __init__(self, volume: Volume) -> None:
        self.core: Core | None = None
        self.edited: dict[int, MaskPatch | None] = {}
        self._volume = volume
        self._scale_notes: tuple[str, ...] | None = None

    def prepare(self, recipe: Recipe, mask: Mask, notes: tuple[str, ...]) -> Callable[[IsStale], Found | None]:
        """Return a function that finds metal by a recipe in the background; it returns None if the request is outdated.

        Args:
            recipe: recipe of the search.
            mask: mask in use, bool `[z, y, x]`; a recipe edited by hand uses it if the packed mask of its edit is not
                stored.
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
        """Return notes on the HU scale of the volume, computed once; call it in the background."""
        if self._scale_notes is None:
            self._scale_notes = scale_of(self._volume.hu).notes
        return self._scale_notes
