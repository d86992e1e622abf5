"""How a metal mask comes about: where it is found, and what is done to what was found. Off the window's thread."""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.geometry import Grid
from marview.volume.box import Box
from marview.volume.growing import grow_from, within
from marview.volume.kmeans import class_notes, k_means
from marview.volume.mask import drop_small, grow_mm
from marview.volume.segment import CERTAIN_HU, adaptive
from marview.volume.volume import Volume

Mask = NDArray[np.bool_]


class Source(enum.StrEnum):
    """Where the metal is taken from."""

    ADAPTIVE = "adaptive"
    THRESHOLD = "threshold"
    K_MEANS = "k_means"
    GROWING = "growing"
    HAND = "hand"


@dataclass(frozen=True)
class Recipe:
    """How the mask came about.

    Attributes:
        source: where the metal is taken from.
        threshold_hu: what metal exceeds, for a threshold; the least HU of what is grown. None where it is found.
        classes: k of k-means, whose densest class is metal.
        seeds: voxels (z, y, x) to grow from.
        in_slices: whether each slice is looked at by itself.
        is_doubtful_metal: whether voxels that may be metal, enamel or dense bone are metal; a person said so.
        edit: number of the last edit by hand; only where the source is the hand.
        edited_from: in words, what was edited by hand; empty where it was painted from nothing.
        is_given: whether it is still as it was given by a file or an earlier session, which `edited_from` names.
        box: what of it is kept; all where None.
        smallest_mm3: smaller pieces are dropped.
        margin_mm: by how much the rest is grown (+) or shrunk (-).
    """

    source: Source = Source.ADAPTIVE
    threshold_hu: float | None = None
    classes: int = 4
    seeds: tuple[tuple[int, int, int], ...] = ()
    in_slices: bool = False
    is_doubtful_metal: bool = False
    edit: int = 0
    edited_from: str = ""
    is_given: bool = False
    box: Box | None = None
    smallest_mm3: float = 0.0
    margin_mm: float = 0.0

    @property
    def core(self) -> "Recipe":
        """The recipe of what is found, before anything is done to it."""
        return replace(self, box=None, smallest_mm3=0.0, margin_mm=0.0)

    @property
    def text(self) -> str:
        """How the metal was found, in words, without the margin."""
        words = [self._source_text]
        if self.in_slices and self.source is not Source.HAND:
            words.append("each slice by itself")
        if self.box is not None:
            words.append("within a box")
        if self.smallest_mm3:
            words.append(f"pieces from {self.smallest_mm3:g} mm3")
        return ", ".join(words)

    @property
    def _source_text(self) -> str:
        match self.source:
            case Source.THRESHOLD:
                return f"above {self.threshold_hu or 0:.0f} HU"
            case Source.K_MEANS:
                return f"densest of {self.classes} classes"
            case Source.GROWING:
                points = "1 point" if len(self.seeds) == 1 else f"{len(self.seeds)} points"
                return f"grown from {points}" + (f" above {self.threshold_hu:.0f} HU" if self.threshold_hu else "")
            case Source.HAND if self.is_given:
                return self.edited_from
            case Source.HAND:
                return f"{self.edited_from}, edited by hand" if self.edited_from else "painted by hand"
        return "adaptive, doubtful metal confirmed" if self.is_doubtful_metal else "adaptive"

    def edited(self, number: int) -> "Recipe":
        """The recipe after an edit by hand of what this one gives."""
        if self == replace(self.core, source=Source.HAND):
            return replace(self, edit=number, is_given=False)
        margin = f", margin {self.margin_mm:+g} mm" if self.margin_mm else ""
        return Recipe(Source.HAND, edit=number, edited_from=f"{self.text}{margin}")


@dataclass(frozen=True, eq=False)
class Core:
    """What was found, before box, smallest size and margin.

    Attributes:
        recipe: how.
        mask: bool, `[z, y, x]`.
        threshold_hu: the threshold in effect; NaN where there is none.
        notes: sentences the person should see.
        doubt: what to ask the person before it is metal; empty where there is no doubt.
    """

    recipe: Recipe
    mask: Mask
    threshold_hu: float
    notes: tuple[str, ...]
    doubt: str = ""


def find_core(
    volume: Volume, recipe: Recipe, scale_notes: tuple[str, ...], is_stale: Callable[[], bool]
) -> Core | None:
    """Find metal as a recipe says; None where nobody wants it any more. What is noted of the HU scale is handed on.

    Raises:
        UsageError: a seed lies outside or not on metal; k is out of range.
    """
    hu, spacing_mm = volume.hu, volume.grid.stack_mm
    if recipe.source is Source.ADAPTIVE and not recipe.in_slices:
        found = adaptive(hu, spacing_mm)
        if found.doubtful is None:
            return Core(recipe.core, found.mask, found.threshold_hu, found.notes)
        if recipe.is_doubtful_metal:
            return Core(recipe.core, found.doubtful, found.threshold_hu, found.notes[:-1])
        return Core(recipe.core, found.mask, found.threshold_hu, found.notes, found.notes[-1])
    mask, notes = np.zeros(hu.shape, bool), scale_notes
    threshold_hu = recipe.threshold_hu if recipe.threshold_hu is not None else math.nan
    if recipe.source is Source.ADAPTIVE:
        thresholds = []
        for z in np.flatnonzero(hu.max(axis=(1, 2)) >= CERTAIN_HU):
            if is_stale():
                return None
            found = adaptive(hu[z : z + 1], spacing_mm)
            mask[z] = found.mask[0]
            thresholds.append(found.threshold_hu)
        threshold_hu = float(np.nanmedian(thresholds)) if np.isfinite(thresholds).any() else math.nan
    elif recipe.source is Source.THRESHOLD:
        mask = np.asarray(hu > threshold_hu)
    elif recipe.source is Source.K_MEANS:
        mask = k_means(hu, recipe.classes, in_slices=recipe.in_slices)
        threshold_hu = math.nan if recipe.in_slices or not mask.any() else float(hu[mask].min())
        notes = (*notes, *class_notes(hu, mask, recipe.classes))
    elif recipe.source is Source.GROWING:
        for seed in recipe.seeds:
            if is_stale():
                return None
            mask |= grow_from(hu, seed, recipe.threshold_hu, in_slice=recipe.in_slices)
    return Core(recipe.core, mask, threshold_hu, notes)


def finish(core: Mask, recipe: Recipe, grid: Grid) -> Mask:
    """What a recipe makes of what was found: kept in its box, without small pieces, with its margin.

    Raises:
        BadInput: nothing would be left of what was found.
    """
    mask = core if recipe.box is None else within(core, recipe.box)
    if core.any() and not mask.any():
        raise BadInput("No metal lies within the box; draw it around the metal.")
    if recipe.smallest_mm3:
        mask = drop_small(mask, math.ceil(recipe.smallest_mm3 / grid.voxel_mm3 - 1e-6))
        if core.any() and not mask.any():
            raise BadInput(f"Every piece of metal is smaller than {recipe.smallest_mm3:g} mm3; choose a smaller size.")
    if recipe.margin_mm:
        mask = grow_mm(mask, recipe.margin_mm, grid.stack_mm, drift_mm=grid.drift_mm)
        if core.any() and not mask.any():
            raise BadInput(f"Nothing of the metal is left at a margin of {recipe.margin_mm:g} mm; shrink it by less.")
    return mask
