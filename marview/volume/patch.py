"""Compact record of the voxels that a mask edit has changed."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from marview.volume.box import Box, around, box_of, inside, moved, shape_of


@dataclass(frozen=True)
class MaskPatch:
    """Voxels inverted by an edit, stored as a bounding box and packed bits.

    Attributes:
        box: smallest box around the inverted voxels.
        packed: one bit for each voxel of the box, 1 where the voxel was inverted; packed and compressed.
    """

    box: Box
    packed: bytes = field(repr=False)

    @classmethod
    def of_flips(cls, flips: NDArray[np.bool_], origin: Box) -> "MaskPatch | None":
        """Create a patch from `flips`, `[z, y, x]`, the inverted voxels in the box `origin`; None if there are none."""
        tight = box_of(flips)
        if tight is None:
            return None
        return cls(moved(tight, origin), zlib.compress(np.packbits(flips[tight]).tobytes(), 1))

    @classmethod
    def between(
        cls, before: NDArray[np.bool_], after: NDArray[np.bool_], among: Iterable[int] | None = None
    ) -> "MaskPatch | None":
        """Create the patch that turns one mask into another; None if the masks are equal.

        Args:
            before: mask before the edit, `[z, y, x]`.
            after: mask after the edit, `[z, y, x]`.
            among: slices in which the masks may differ; None for all. Other slices are not read, because even
                reading an empty slice in shared memory uses memory.
        """
        candidates = range(len(before)) if among is None else among
        differ = [z for z in candidates if not np.array_equal(before[z], after[z])]
        if not differ:
            return None
        span = slice(min(differ), max(differ) + 1)
        whole = (span, slice(0, before.shape[1]), slice(0, before.shape[2]))
        return cls.of_flips(before[span] ^ after[span], whole)

    @property
    def flips(self) -> NDArray[np.bool_]:
        """Return the inverted voxels within the box, bool `[z, y, x]`."""
        shape = shape_of(self.box)
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).view(np.bool_)

    @property
    def nbytes(self) -> int:
        """Memory use of the patch in bytes, including overhead."""
        return len(self.packed) + 512

    def apply(self, mask: NDArray[np.bool_]) -> Box:
        """Invert the patch's voxels in a mask, in place, and return their box.

        A second call undoes the first.
        """
        mask[self.box] ^= self.flips
        return self.box


def merged(patches: Iterable[MaskPatch]) -> MaskPatch | None:
    """Merge successive patches, such as the edits of one stroke; None if they cancel out."""
    several = list(patches)
    if len(several) < 2:
        return several[0] if several else None
    box = reduce(around, (patch.box for patch in several))
    flips = np.zeros(shape_of(box), bool)
    for patch in several:
        flips[inside(patch.box, box)] ^= patch.flips
    return MaskPatch.of_flips(flips, box)
