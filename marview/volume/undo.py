"""Undo and redo edits of a mask, within a memory limit."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.volume.box import Box
from marview.volume.patch import MaskPatch


@dataclass(frozen=True, eq=False)
class Step:
    """Mask edit, with a description of the mask before the edit (undo) or after it (redo)."""

    patch: MaskPatch
    description: Any

    @property
    def box(self) -> Box:
        """Smallest box around the voxels of the edit."""
        return self.patch.box


class UndoStack:
    """Stack of mask edits for undo and redo; above the memory limit, the oldest edits are dropped.

    Args:
        describe: function that returns a description of the current mask, called before an edit is pushed,
            undone or redone. Its result is stored in the step that restores this mask.
        limit_bytes: memory limit for all patches in bytes.

    Examples:
        >>> mask, stack = np.zeros((1, 4, 4), bool), UndoStack()
        >>> painted = np.eye(4, dtype=bool)[None]
        >>> stack.push(MaskPatch.between(mask, painted))
        >>> step = stack.undo(painted)
        >>> bool(painted.any()), stack.can_undo, stack.can_redo
        (False, False, True)
    """

    def __init__(self, describe: Callable[[], Any] = lambda: None, limit_bytes: int = 64 * 2**20) -> None:
        self.limit_bytes = limit_bytes
        self._describe = describe
        self._done: deque[Step] = deque()
        self._undone: list[Step] = []

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
        """Memory used by all patches in bytes."""
        return sum(step.patch.nbytes for step in (*self._done, *self._undone))

    def push(self, patch: MaskPatch | None) -> None:
        """Add an edit; None, which stands for an edit without effect, is ignored."""
        if patch is None:
            return
        self._undone.clear()
        self._done.append(Step(patch, self._describe()))
        while len(self._done) > 1 and self.nbytes > self.limit_bytes:
            self._done.popleft()

    def undo(self, mask: NDArray[np.bool_]) -> Step | None:
        """Undo the last mask edit in place and return its step; None if there is nothing to undo."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(Step(step.patch, self._describe()))
        step.patch.apply(mask)
        return step

    def redo(self, mask: NDArray[np.bool_]) -> Step | None:
        """Redo the last undone mask edit in place and return its step; None if there is nothing to redo."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(Step(step.patch, self._describe()))
        step.patch.apply(mask)
        return step
