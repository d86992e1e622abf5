"""Undo and redo of mask edits, within a memory limit."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from marview.volume.box import Box
from marview.volume.patch import MaskPatch


class UndoStack:
    """Stack of mask edits for undo and redo; beyond the memory limit it drops the oldest.

    Example:
        >>> mask, stack = np.zeros((1, 4, 4), bool), UndoStack()
        >>> painted = np.eye(4, dtype=bool)[None]
        >>> stack.push(MaskPatch.between(mask, painted))
        >>> box = stack.undo(painted)
        >>> bool(painted.any()), stack.can_undo, stack.can_redo
        (False, False, True)
    """

    def __init__(self, limit_bytes: int = 64 * 2**20) -> None:
        self.limit_bytes = limit_bytes
        self._done: deque[MaskPatch] = deque()
        self._undone: list[MaskPatch] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to redo."""
        return bool(self._undone)

    @property
    def nbytes(self) -> int:
        """Memory of all patches in bytes."""
        return sum(patch.nbytes for patch in (*self._done, *self._undone))

    def push(self, patch: MaskPatch | None) -> None:
        """Add an edit; None, an edit without effect, is ignored."""
        if patch is None:
            return
        self._undone.clear()
        self._done.append(patch)
        while len(self._done) > 1 and self.nbytes > self.limit_bytes:
            self._done.popleft()

    def undo(self, mask: NDArray[np.bool_]) -> Box | None:
        """Undo the last edit in the mask, in place; returns the changed box, or None if there is no edit."""
        if not self._done:
            return None
        patch = self._done.pop()
        self._undone.append(patch)
        return patch.apply(mask)

    def redo(self, mask: NDArray[np.bool_]) -> Box | None:
        """Redo the last undone edit in the mask, in place; returns the changed box, or None if there is none."""
        if not self._undone:
            return None
        patch = self._undone.pop()
        self._done.append(patch)
        return patch.apply(mask)

    def clear(self) -> None:
        """Drop all edits, because another mask is edited next."""
        self._done.clear()
        self._undone.clear()
