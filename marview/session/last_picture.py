"""Cache the most recently computed corrected slice."""

import weakref

import numpy as np
from numpy.typing import NDArray

from marview.session.plane_store import KeptPlane

Picture = NDArray[np.int16]


class LastPicture:
    """Cache of one corrected slice, int16 HU `[y, x]`; the slice is released when no pane shows it any more."""

    def __init__(self) -> None:
        self._of: tuple[KeptPlane, weakref.ref[Picture]] | None = None
        self._awaited: Picture | None = None

    def put(self, correction: KeptPlane, picture: Picture, *, is_awaited: bool = False) -> None:
        """Replace the cached slice; any thread may call this.

        If `is_awaited`, the cache keeps the slice until the next `get`.
        """
        picture.setflags(write=False)
        self._awaited = picture if is_awaited else None
        self._of = correction, weakref.ref(picture)

    def get(self, correction: KeptPlane) -> Picture | None:
        """Return the cached slice computed from this correction; None if it was replaced or released."""
        if self._of is None or self._of[0] is not correction:
            return None
        picture, self._awaited = self._of[1](), None
        return picture

    def drop(self) -> None:
        """Release the cached slice."""
        self._of = self._awaited = None
