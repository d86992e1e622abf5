"""A scene item that draws an array of values in shades of grey."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from marview.heap import empty_in_large_pages

_BLOCK_PIXELS = 1 << 16


class GreyItem(pg.ImageItem):  # type: ignore[misc]
    """A pyqtgraph image `[y, x]` that is drawn with one byte per pixel instead of four.

    Attributes:
        is_inverted: whether large values are dark.
    """

    def __init__(self) -> None:
        super().__init__(axisOrder="row-major")
        self.is_inverted = False
        self._grey = np.empty((0, 0), np.uint8)

    def set_inverted(self, *, is_inverted: bool) -> None:
        """Set whether large values are dark."""
        if is_inverted != self.is_inverted:
            self.is_inverted = is_inverted
            self._renderRequired = True
            self.update()

    def render(self) -> None:
        """Render the image that `paint` draws."""
        self._unrenderable = self.image is None or self.image.size == 0
        if self._unrenderable:
            return
        black, white = map(float, self.levels)
        if self._grey.shape != self.image.shape:
            self._grey = empty_in_large_pages(self.image.shape, np.uint8)
        shade(self.image, (white, black) if self.is_inverted else (black, white), self._grey)
        rows, columns = self._grey.shape
        self.qimage = QImage(self._grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        self._renderRequired = False


def shade(values: NDArray[Any], levels: tuple[float, float], grey: NDArray[np.uint8]) -> None:
    """Convert values `[y, x]` to grey: `levels` become 0 and 255, values outside are clipped, NaN becomes 0.

    >>> grey = np.empty((1, 4), np.uint8)
    >>> shade(np.array([[-1000, -160, 40, 900]], np.int16), (-160, 240), grey)
    >>> grey.tolist()
    [[0, 0, 127, 255]]
    """
    first, second = levels
    scale = np.float32(255 / ((second - first) or 1))
    step = max(1, _BLOCK_PIXELS // max(1, values.shape[1]))
    shares = np.empty((step, *values.shape[1:]), np.float32)
    for start in range(0, len(values), step):  # blocks that stay in the cache, in reused memory
        block = slice(start, start + step)
        share = shares[: len(values[block])]
        np.subtract(values[block], np.float32(first), out=share, dtype=np.float32)
        share *= scale
        grey[block] = np.fmin(np.fmax(share, 0, out=share), 255, out=share)
