"""Compact storage for the metal mask, recipe and undo history of a series that is not in view."""

from dataclasses import dataclass

import numpy as np

from marview.session.segmenting import Mask, Recipe, Source
from marview.volume.patch import MaskPatch
from marview.volume.undo import UndoStack


@dataclass(frozen=True)
class MetalState:
    """Description of a mask that undo and redo restore together with the voxels."""

    recipe: Recipe
    threshold_hu: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class KeptMetal:
    """Packed mask of a series that is not in view, with its undo and redo steps."""

    shape: tuple[int, ...]
    packed: MaskPatch | None
    undo_stack: UndoStack
    state: MetalState
    saved: Recipe
    edits: int
    edited: dict[int, MaskPatch | None]
    doubt: str = ""

    @property
    def is_unsaved(self) -> bool:
        """Return whether the mask was edited by hand and has not been exported."""
        return is_work(self.state.recipe, self.saved)


def is_work(recipe: Recipe, saved: Recipe) -> bool:
    """Return whether a mask has been edited by hand since it was saved."""
    return recipe.source is Source.HAND and not recipe.is_given and recipe != saved


def packed(mask: Mask) -> MaskPatch | None:
    """Pack a mask; return None if it is empty."""
    return MaskPatch.between(np.zeros(mask.shape, bool), mask)


def unpacked(patch: MaskPatch, shape: tuple[int, ...]) -> Mask:
    """Unpack a mask, bool `[z, y, x]`."""
    mask = np.zeros(shape, bool)
    patch.apply(mask)
    return mask
