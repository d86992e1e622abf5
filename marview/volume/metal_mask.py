"""A metal mask that can be painted and edited, with undo."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.volume.box import Box
from marview.volume.brush import Brush, Point, fill_outline, stamp
from marview.volume.mask import NO_DRIFT
from marview.volume.patch import MaskPatch, merged
from marview.volume.undo import Step, UndoStack


class MetalMask:
    """Metal mask that is edited in place, with undo.

    Every edit returns the box of changed voxels, or None if nothing changed. All edits between
    `begin_stroke` and `end_stroke` form one undo step.

    Attributes:
        array: bool, `[z, y, x]`; changed in place, so it may be in shared memory.
        spacing_mm: distance between slices along their normal, between rows and between columns.
        drift_mm: shift (y, x) from one slice to the next, caused by a tilted gantry.
        hu: HU, `[z, y, x]`, needed for brushes with an HU range.
        undo_stack: undo steps, each with a description of the mask before the edit.

    Examples:
        >>> metal = MetalMask(np.zeros((1, 64, 64), bool), (3.0, 1.0, 1.0))
        >>> metal.stamp((0, 32, 32), (0, 32, 40), Brush(radius_mm=2))
        (slice(0, 1, None), slice(30, 35, None), slice(30, 43, None))
        >>> metal.undo() is not None, bool(metal.array.any())
        (True, False)
    """

    def __init__(
        self,
        array: NDArray[np.bool_],
        spacing_mm: Sequence[float],
        hu: NDArray[np.int16] | None = None,
        *,
        drift_mm: Sequence[float] = NO_DRIFT,
        undo_bytes: int = 64 * 2**20,
        describe: Callable[[], Any] = lambda: None,
    ) -> None:
        self.array = array
        self.spacing_mm = spacing_mm
        self.drift_mm = drift_mm
        self.hu = hu
        self.undo_stack = UndoStack(describe, undo_bytes)
        self._stroke: list[MaskPatch] | None = None

    def begin_stroke(self) -> None:
        """Start a stroke."""
        self.end_stroke()
        self._stroke = []

    def end_stroke(self) -> Box | None:
        """End the stroke, if one was started, and return the box of changed voxels."""
        stroke, self._stroke = self._stroke, None
        patch = merged(stroke or ())
        self.undo_stack.push(patch)
        return None if patch is None else patch.box

    def stamp(self, start: Point, end: Point, brush: Brush) -> Box | None:
        """Draw the brush from one pointer position to the next."""
        return self._keep(stamp(self.array, start, end, brush, self.spacing_mm, self.hu, self.drift_mm))

    def fill_outline(self, slice_index: int, outline_yx: NDArray[np.float64], brush: Brush) -> Box | None:
        """Fill a polygon or freehand outline, `[corner, (y, x)]` in voxels, in one slice."""
        return self._keep(fill_outline(self.array, slice_index, outline_yx, brush, self.hu))

    def replace(self, mask: NDArray[np.bool_]) -> Box | None:
        """Replace the whole mask, bool `[z, y, x]`, in one edit.

        The new mask may come from a function in `marview.volume.mask`.
        """
        return self.flip(MaskPatch.between(self.array, mask))

    def flip(self, patch: MaskPatch | None) -> Box | None:
        """Invert the voxels of a patch."""
        if patch is not None:
            patch.apply(self.array)
        return self._keep(patch)

    def undo(self) -> Step | None:
        """Undo the last edit and return its step; None if there is nothing to undo."""
        self.end_stroke()
        return self.undo_stack.undo(self.array)

    def redo(self) -> Step | None:
        """Redo the last undone edit and return its step; None if there is nothing to redo."""
        self.end_stroke()
        return self.undo_stack.redo(self.array)

    def _keep(self, patch: MaskPatch | None) -> Box | None:
        if patch is None:
            return None
        if self._stroke is None:
            self.undo_stack.push(patch)
        else:
            self._stroke.append(patch)
        return patch.box
