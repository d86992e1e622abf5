"""Coloured pictures over the grey one: masks with an outline, and maps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget


class OverlayItem(QGraphicsItem):
    """Draws one coloured picture into a rectangle of the scene."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._rect = QRectF()

    def boundingRect(self) -> QRectF:
        """Where it is drawn."""
        return self._rect

    def show_image(self, image: QImage | None, rect: QRectF) -> None:
        """Show a picture in a rectangle; None shows nothing."""
        if rect != self._rect:
            self.prepareGeometryChange()
            self._rect = QRectF(rect)
        self._image = image
        self.setVisible(image is not None)
        self.update()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,  # noqa: ARG002
        widget: QWidget | None = None,  # noqa: ARG002
    ) -> None:
        """Draw it."""
        if self._image is not None:
            painter.drawImage(self._rect, self._image)


def outlined(mask: NDArray[np.bool_], colour: QColor, fill_alpha: int, edge_alpha: int) -> QImage | None:
    """A mask `[y, x]`, filled faintly and outlined strongly along its inner edge; None where it is empty."""
    if not mask.any():
        return None
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return indexed(
        mask.astype(np.uint8) + (mask & ~inner), [_premultiplied(colour, a) for a in (0, fill_alpha, edge_alpha)]
    )


def ramp(strength: NDArray[np.floating[Any]], colour: QColor, most_alpha: int = 200) -> QImage | None:
    """A map `[y, x]` of strengths 0 to 1 as one colour that grows denser; None where all are 0."""
    steps = (np.clip(strength, 0, 1) * 32).astype(np.uint8)
    if not steps.any():
        return None
    return indexed(steps, [_premultiplied(colour, most_alpha * step // 32) for step in range(33)])


def indexed(indices: NDArray[np.uint8], colours: list[int]) -> QImage:
    """A picture from indices `[y, x]` into premultiplied colours 0xAARRGGBB; it owns its pixels."""
    pixels = np.array(colours, dtype=np.uint32)[indices]
    rows, columns = pixels.shape
    image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()


def _premultiplied(colour: QColor, alpha: int) -> int:
    red, green, blue = (channel * alpha // 255 for channel in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
