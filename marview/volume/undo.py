"""Undo and redo of edits of a mask, within a limit of bytes."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from marview.volume.box import Box
from marview.volume.patch import MaskPatch


class UndoStack:
    """Patches that were made and patches that were taken back; the oldest are forgotten beyond the limit.

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
        """Whether there is an edit to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to make again."""
        return bool(self._undone)

    @property
    def nbytes(self) -> int:
        """Bytes that all patches take."""
        return sum(patch.nbytes for patch in (*self._done, *self._undone))

    def push(self, patch: MaskPatch | None) -> None:
        """Keep an edit that was made; None, an edit that changed nothing, is not kept."""
        if patch is None:
            return
        self._undone.clear()
        self._done.append(patch)
        while len(self._done) > 1 and self.nbytes > self.limit_bytes:
            self._done.popleft()

    def undo(self, mask: NDArray[np.bool_]) -> Box | None:
        """Take the last edit back in the mask, in place; the dirty box, None where there is nothing to take back."""
        if not self._done:
            return None
        patch = self._done.pop()
        self._undone.append(patch)
        return patch.apply(mask)

    def redo(self, mask: NDArray[np.bool_]) -> Box | None:
        """Make the edit taken back last again; the dirty box, None where there is none."""
        if not self._undone:
            return None
        patch = self._undone.pop()
        self._done.append(patch)
        return patch.apply(mask)

    def clear(self) -> None:
        """Forget everything: another mask is edited from here on."""
        self._done.clear()
        self._undone.clear()
