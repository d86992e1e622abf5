"""Edit the whole mask: grow, shrink, fill holes, smooth, copy to the next slice, keep or remove a piece."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput, UsageError
from marview.session.display import View
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal
from marview.session.tools import Scope, Tools, Unit
from marview.text import tr
from marview.volume.mask import (
    NO_DRIFT,
    copy_slice,
    drop_component,
    fill_holes,
    grow_mm,
    grow_px,
    interpolate_slices,
    keep_component,
    smooth,
)

Mask = NDArray[np.bool_]
Voxel = tuple[int, int, int]


class Edits:
    """Mask edits that use the tool settings; each edit is one undo step.

    Args:
        under_cursor: function that returns the voxel under the cursor; None if there is none.
    """

    def __init__(
        self, metal: Metal, tools: Tools, view: View, messages: Messages, under_cursor: Callable[[], Voxel | None]
    ) -> None:
        self._metal = metal
        self._tools = tools
        self._view = view
        self._messages = messages
        self._under_cursor = under_cursor

    def grow(self, sign: int = 1) -> None:
        """Grow (1) or shrink (-1) the mask by the amount in the settings."""
        settings = self._tools.settings
        amount, spacing_mm, drift_mm = sign * settings.amount, self._spacing_mm, self._drift_mm
        if settings.unit is Unit.PIXELS:
            self._do(lambda mask, in_slices: grow_px(mask, amount, in_slices=in_slices))
        else:
            self._do(lambda mask, in_slices: grow_mm(mask, amount, spacing_mm, drift_mm=drift_mm, in_slices=in_slices))

    def fill_holes(self) -> None:
        """Fill the holes in the mask."""
        self._do(lambda mask, in_slices: fill_holes(mask, in_slices=in_slices))

    def smooth(self) -> None:
        """Smooth the outline of the mask by the amount in the settings."""
        settings, spacing_mm, drift_mm = self._tools.settings, self._spacing_mm, self._drift_mm
        radius_mm = settings.amount * (min(spacing_mm[1:]) if settings.unit is Unit.PIXELS else 1)
        self._do(lambda mask, in_slices: smooth(mask, radius_mm, spacing_mm, drift_mm=drift_mm, in_slices=in_slices))

    def interpolate(self) -> None:
        """Interpolate the mask in empty slices between slices with metal."""
        self._metal.edit(interpolate_slices)

    def copy_to_next(self) -> None:
        """Copy the mask of the slice in view to the next slice, and show that slice."""
        display = self._view.display
        z, numbers = display.slice_index, display.numbers
        if display.slice_number >= numbers.count:
            self._messages.say(Severity.WARNING, tr("This is the last slice: there is no next slice to copy to."))
        elif self._metal.plane(z) is None:
            self._messages.say(Severity.WARNING, tr("There is no metal in this slice to copy: paint metal first."))
        else:
            target = numbers.index(display.slice_number + 1)
            self._metal.edit(partial(copy_slice, source=z, target=target), lambda: self._view.go_to(target))

    def keep_piece(self) -> None:
        """Keep only the piece of metal under the cursor."""
        self._do_at(keep_component)

    def drop_piece(self) -> None:
        """Remove the piece of metal under the cursor."""
        self._do_at(drop_component)

    def clear(self) -> None:
        """Clear the mask."""
        self._metal.edit(lambda mask: np.zeros(mask.shape, bool))

    def _do(self, change: Callable[[Mask, bool], Mask]) -> None:
        """Apply a change within the scope in the settings."""
        scope, z = self._tools.settings.scope, self._view.display.slice_index

        def work(mask: Mask) -> Mask:
            part = mask[z : z + 1] if scope is Scope.SLICE else mask
            made = change(part, scope is not Scope.VOLUME)
            if not part.any():
                raise BadInput(tr("There is no metal to change: find or paint metal first."))
            if not made.any():
                raise BadInput(tr("This would remove all metal; choose a smaller amount."))
            if scope is not Scope.SLICE:
                return made
            result = mask.copy()
            result[z : z + 1] = made
            return result

        self._metal.edit(work)

    def _do_at(self, change: Callable[[Mask, Voxel], Mask]) -> None:
        point = self._under_cursor()

        def work(mask: Mask) -> Mask:
            if point is None or not mask[point]:
                raise UsageError(tr("There is no metal under the cursor: point at a piece of the mask."))
            return change(mask, point)

        self._metal.edit(work)

    @property
    def _spacing_mm(self) -> tuple[float, float, float]:
        mask = self._metal.mask
        z, y, x = (1.0, 1.0, 1.0) if mask is None else mask.spacing_mm
        return z, y, x

    @property
    def _drift_mm(self) -> tuple[float, float]:
        mask = self._metal.mask
        y, x = NO_DRIFT if mask is None else mask.drift_mm
        return y, x
