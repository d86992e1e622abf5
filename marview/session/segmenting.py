"""Create a metal mask from a recipe: find metal, then apply the box, minimum size and margin."""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.geometry import Grid
from marview.text import tr, translatable
from marview.volume.box import Box
from marview.volume.growing import grow_from, within
from marview.volume.kmeans import class_notes, k_means
from marview.volume.mask import drop_small, grow_mm
from marview.volume.segment import adaptive
from marview.volume.sure import CERTAIN_HU
from marview.volume.volume import Volume

Mask = NDArray[np.bool_]


class Source(enum.StrEnum):
    """Source of the metal mask."""

    ADAPTIVE = "adaptive"
    THRESHOLD = "threshold"
    K_MEANS = "k_means"
    GROWING = "growing"
    HAND = "hand"


@dataclass(frozen=True)
class Recipe:
    """Recipe for creating a mask.

    Attributes:
        source: source of the mask.
        threshold_hu: metal threshold, or lowest HU for region growing; None to find it automatically.
        classes: number of k-means classes; the densest is metal.
        seeds: seed voxels (z, y, x) for region growing.
        in_slices: whether to search for metal slice by slice.
        is_doubtful_metal: whether the user confirmed that doubtful voxels (metal, enamel or dense bone) are
            metal.
        edit: number of the last edit by hand; 0 if the mask was not edited by hand.
        edited_from: description of the mask that was edited by hand; empty if it was painted from scratch.
        is_given: whether the mask comes unchanged from a file or an earlier session; `edited_from` then
            describes its source.
        box: box outside which metal is removed; None for no limit.
        smallest_mm3: volume below which pieces are removed.
        margin_mm: margin in mm; positive grows the mask, negative shrinks it.
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
        """Return the recipe without the box, minimum size and margin."""
        return replace(self, box=None, smallest_mm3=0.0, margin_mm=0.0)

    @property
    def text(self) -> str:
        """Describe in English how the metal was found, for use in files; the margin is omitted."""
        return self._describe(str)

    @property
    def words(self) -> str:
        """Describe in the user's language how the metal was found; the margin is omitted."""
        return self._describe(tr)

    def _describe(self, say: Callable[[str], str]) -> str:
        words = [self._source_words(say)]
        if self.in_slices and self.source is not Source.HAND:
            words.append(say(translatable("slice by slice")))
        if self.box is not None:
            words.append(say(translatable("within a box")))
        if self.smallest_mm3:
            words.append(say(translatable("pieces of {:g} mm3 or more")).format(self.smallest_mm3))
        return ", ".join(words)

    def _source_words(self, say: Callable[[str], str]) -> str:
        match self.source:
            case Source.THRESHOLD:
                return say(translatable("above {:.0f} HU")).format(self.threshold_hu or 0)
            case Source.K_MEANS:
                return say(translatable("densest of {} classes")).format(self.classes)
            case Source.GROWING:
                one, many = translatable("grown from 1 point"), translatable("grown from {} points")
                grown = say(one if len(self.seeds) == 1 else many).format(len(self.seeds))
                above = say(translatable("above {:.0f} HU")).format(self.threshold_hu or 0)
                return f"{grown} {above}" if self.threshold_hu else grown
            case Source.HAND if self.is_given:
                return self.edited_from
            case Source.HAND:
                edited = say(translatable("{}, edited by hand")).format(self.edited_from)
                return edited if self.edited_from else say(translatable("painted by hand"))
        confirmed = translatable("adaptive, doubtful metal confirmed")
        return say(confirmed if self.is_doubtful_metal else translatable("adaptive"))

    def edited(self, number: int) -> "Recipe":
        """Return the recipe of the mask after it was edited by hand."""
        if self == replace(self.core, source=Source.HAND):
            return replace(self, edit=number, is_given=False)
        margin = f", margin {self.margin_mm:+g} mm" if self.margin_mm else ""
        return Recipe(Source.HAND, edit=number, edited_from=f"{self.text}{margin}")


@dataclass(frozen=True, eq=False)
class Core:
    """Metal found with a recipe, before the box, minimum size and margin are applied.

    Attributes:
        recipe: recipe that was used.
        mask: metal, bool `[z, y, x]`.
        threshold_hu: threshold in HU that was used; NaN if there was none.
        notes: notes for the user.
        doubt: question to the user about voxels that may not be metal; empty if there are none.
    """

    recipe: Recipe
    mask: Mask
    threshold_hu: float
    notes: tuple[str, ...]
    doubt: str = ""


def find_core(
    volume: Volume, recipe: Recipe, scale_notes: tuple[str, ...], is_stale: Callable[[], bool]
) -> Core | None:
    """Find metal according to a recipe; return None if the request is outdated.

    The notes of the result include `scale_notes`.

    Raises:
        UsageError: a seed is outside the volume or not on metal, or the number of k-means classes is out of
            range.
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
    """Apply a recipe's box, minimum size and margin to a mask.

    Raises:
        BadInput: no metal would be left.
    """
    mask = core if recipe.box is None else within(core, recipe.box)
    if core.any() and not mask.any():
        raise BadInput(tr("There is no metal in the box; draw it around the metal."))
    if recipe.smallest_mm3:
        mask = drop_small(mask, math.ceil(recipe.smallest_mm3 / grid.voxel_mm3 - 1e-6))
        if core.any() and not mask.any():
            sentence = tr("Every piece of metal is smaller than {:g} mm3; choose a smaller size.")
            raise BadInput(sentence.format(recipe.smallest_mm3))
    if recipe.margin_mm:
        mask = grow_mm(mask, recipe.margin_mm, grid.stack_mm, drift_mm=grid.drift_mm)
        if core.any() and not mask.any():
            sentence = tr("A margin of {:g} mm leaves no metal in the mask; shrink the mask by less.")
            raise BadInput(sentence.format(recipe.margin_mm))
    return mask
