"""Metal mask in shared memory: allocate the mask, draw on it, and read its slices."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.mar.shared import SharedArray
from marview.session.segmenting import Mask
from marview.volume.box import Box
from marview.volume.brush import Brush, Point
from marview.volume.metal_mask import MetalMask
from marview.volume.patch import MaskPatch
from marview.volume.volume import Volume


class SharedMask:
    """Metal mask in shared memory, with the number of metal voxels in each slice.

    Event, sent on the window's thread: `touched(box)` when voxels in a box change, including during a stroke.

    Attributes:
        mask: mask that is edited in place, with undo; None if no series is open.
        shared: shared memory of the mask.
        counts: number of metal voxels per slice, `[z]`.
        revision: number that increases with every change to the mask; used to recognise results that were
            made with an earlier mask.
        is_painting: whether a stroke is in progress.

    Args:
        let_go: function that runs a call on another thread, to release memory.
    """

    touched = Signal(object)

    def __init__(self, let_go: Callable[[Callable[[], None]], None]) -> None:
        self.shared: SharedArray | None = None
        self.mask: MetalMask | None = None
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.revision = 0
        self.is_painting = False
        self._let_go = let_go

    def close(self) -> None:
        """Release the memory."""
        self.mask = None
        if self.shared is not None:
            self.shared.close()
            self.shared = None

    # -- reading

    @property
    def is_present(self) -> bool:
        """Return whether the mask contains metal."""
        return bool(self.counts.any())

    @property
    def slices(self) -> NDArray[np.int64]:
        """Return the z indices of the slices with metal."""
        return np.flatnonzero(self.counts)

    @property
    def span(self) -> slice:
        """Return the range from the first to the last slice with metal."""
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
        """Return the mask of a slice, `[y, x]`; None if the slice contains no metal."""
        if self.shared is None or not self.counts[slice_index]:
            return None
        return np.asarray(self.shared.array[slice_index])

    def nearest(self, slice_index: int, step: int) -> int | None:
        """Return the nearest slice with metal after (1) or before (-1) an index; None if there is none."""
        slices = self.slices
        ahead = slices[slices > slice_index] if step > 0 else slices[slices < slice_index][::-1]
        return int(ahead[0]) if len(ahead) else None

    def outward(self, slice_index: int) -> tuple[int, ...]:
        """Return the indices of the slices with metal, ordered by distance from the given slice."""
        return tuple(sorted((int(z) for z in self.slices), key=lambda z: (abs(z - slice_index), z)))

    @property
    def can_undo(self) -> bool:
        """Return whether there is a change to undo."""
        return self.mask is not None and self.mask.undo_stack.can_undo

    @property
    def can_redo(self) -> bool:
        """Return whether there is a change to redo."""
        return self.mask is not None and self.mask.undo_stack.can_redo

    # -- drawing, within a stroke

    def stamp(self, start: Point, end: Point, brush: Brush) -> None:
        """Draw a brush stroke from one pointer position to the next."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.stamp(start, end, brush))

    def fill_outline(self, slice_index: int, outline_yx: NDArray[np.float64], brush: Brush) -> None:
        """Fill a polygon or freehand outline, `[corner, (y, x)]` in voxels."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.fill_outline(slice_index, outline_yx, brush))

    def flip(self, patch: MaskPatch) -> None:
        """Invert the voxels of a patch."""
        if self.mask is not None and self.is_painting:
            self._touch(self.mask.flip(patch))

    # -- inside

    def _allocate(self, volume: Volume | None, room: SharedArray | None, describe: Callable[[], Any]) -> None:
        """Replace the mask with an empty one for a volume, or with none.

        Args:
            volume: volume; None for no mask.
            room: array of zeros for the mask, bool `[z, y, x]`, which the mask takes over; allocated if None.
            describe: function that describes the mask, for undo.

        Raises:
            MarviewError: there is not enough memory.
        """
        self.mask, self.is_painting = None, False
        self.revision += 1
        if self.shared is not None:
            self._let_go(self.shared.close)
        self.shared = None
        self.counts = np.zeros(0 if volume is None else volume.hu.shape[0], np.int64)
        if volume is not None:
            self.shared = SharedArray.create(volume.hu.shape, np.bool_) if room is None else room
            grid = volume.grid
            self.mask = MetalMask(
                self.shared.array, grid.stack_mm, volume.hu, drift_mm=grid.drift_mm, describe=describe
            )

    def _patches(self, mask: MetalMask) -> Callable[[Mask], MaskPatch | None]:
        """Return a function that computes the patch from this mask to another; slices empty in both are skipped.

        The function may run in the background while another series is opened.
        """
        counts = self.counts

        def patch_to(wanted: Mask) -> MaskPatch | None:
            among = [z for z in range(len(wanted)) if counts[z] or wanted[z].any()]
            return MaskPatch.between(mask.array, wanted, among)

        return patch_to

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
            self.revision += 1
            for z in range(box[0].start, box[0].stop):  # slice by slice: NumPy counts along axes ten times slower
                self.counts[z] = np.count_nonzero(self.mask.array[z])
            self.touched.emit(box)
