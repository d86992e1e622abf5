"""Coloured overlays on a greyscale image: maps and outlined masks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from marview.volume.box import box_of


class OverlayItem(QGraphicsItem):
    """A scene item that draws one coloured image into a rectangle."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._rect = QRectF()

    def boundingRect(self) -> QRectF:
        """Return the rectangle of the image."""
        return self._rect

    def show_image(self, image: QImage | None, rect: QRectF) -> None:
        """Show an image in a rectangle; None hides the item."""
        if rect != self._rect:
            self.prepareGeometryChange()
            self._rect = QRectF(rect)
        self._image = image
        self.setVisible(image is not None)
        self.update()

    def show_part(self, rows: slice, columns: slice) -> None:
        """Redraw the part of the image where pixels were changed in place."""
        if self._image is None:
            return
        width, height = self._rect.width() / self._image.width(), self._rect.height() / self._image.height()
        self.update(
            QRectF(
                self._rect.left() + (columns.start - 1) * width,
                self._rect.top() + (rows.start - 1) * height,
                (columns.stop - columns.start + 2) * width,
                (rows.stop - rows.start + 2) * height,
            )
        )

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,  # noqa: ARG002
        widget: QWidget | None = None,  # noqa: ARG002
    ) -> None:
        """Draw the image."""
        if self._image is not None:
            painter.drawImage(self._rect, self._image)


def outlined(mask: NDArray[np.bool_], colour: QColor, fill_alpha: int, edge_alpha: int) -> QImage | None:
    """Return a mask `[y, x]` as an overlay with a faint fill and a strong inner edge; None if it is empty."""
    if not mask.any():
        return None
    return indexed(_edged(mask), [_premultiplied(colour, a) for a in (0, fill_alpha, edge_alpha)])


def _edged(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return 1 inside a mask `[y, x]`, 2 on its inner edge and 0 outside."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return mask.astype(np.uint8) + (mask & ~inner)


class MaskPicture:
    """Overlay image of an outlined mask, updated in place while the user paints."""

    def __init__(self, colour: QColor, fill_alpha: int, edge_alpha: int) -> None:
        self._colours = np.array([_premultiplied(colour, a) for a in (0, fill_alpha, edge_alpha)], np.uint32)
        self._pixels = np.zeros((0, 0), np.uint32)
        self._drawn: tuple[slice, slice] | None = None
        self._image = QImage()

    def draw(self, mask: NDArray[np.bool_]) -> QImage:
        """Draw the whole mask `[y, x]` and return its overlay image."""
        if mask.shape != self._pixels.shape:
            self._pixels = np.zeros(mask.shape, np.uint32)
            rows, columns = mask.shape
            kind = QImage.Format.Format_ARGB32_Premultiplied
            self._image = QImage(self._pixels.data, columns, rows, columns * 4, kind)
        elif self._drawn is not None:  # the rest is empty; touching all 16 MB of a large slice can take 100 ms
            self._pixels[self._drawn] = 0
        self._drawn = None
        if (box := box_of(mask[None])) is not None:
            self.redraw(mask, *box[1:])
        return self._image

    def redraw(self, mask: NDArray[np.bool_], rows: slice, columns: slice) -> None:
        """Redraw a changed region of the mask `[y, x]`.

        The region is enlarged by one pixel on each side, because the edge of the mask may have moved.
        """
        (y, y_context), (x, x_context) = (
            (slice(max(0, part.start - 1), min(size, part.stop + 1)), slice(max(0, part.start - 2), part.stop + 2))
            for part, size in zip((rows, columns), mask.shape, strict=True)
        )
        part = _edged(mask[y_context, x_context])
        top, left = y.start - y_context.start, x.start - x_context.start
        self._pixels[y, x] = self._colours[part[top : top + y.stop - y.start, left : left + x.stop - x.start]]
        self._drawn = (y, x) if self._drawn is None else (_both(self._drawn[0], y), _both(self._drawn[1], x))


def _both(one: slice, other: slice) -> slice:
    """Return the shortest range that covers two others."""
    return slice(min(one.start, other.start), max(one.stop, other.stop))


def ramp(strength: NDArray[np.floating[Any]], colour: QColor, most_alpha: int = 200) -> QImage | None:
    """Return a map `[y, x]` of values in [0, 1] as an overlay, more opaque for larger values; None if all are 0."""
    steps = (np.clip(strength, 0, 1) * 32).astype(np.uint8)
    if not steps.any():
        return None
    return indexed(steps, [_premultiplied(colour, most_alpha * step // 32) for step in range(33)])


def indexed(indices: NDArray[np.uint8], colours: list[int]) -> QImage:
    """Convert colour indices `[y, x]` to an image that owns its pixel data.

    `colours` are premultiplied 0xAARRGGBB values.
    """
    pixels = np.array(colours, dtype=np.uint32)[indices]
    rows, columns = pixels.shape
    image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()


def _premultiplied(colour: QColor, alpha: int) -> int:
    red, green, blue = (channel * alpha // 255 for channel in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
