"""A view of one greyscale image with overlays, lines and text labels; not specific to CT."""

import math
from typing import Any

import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPen, QPolygonF, QTransform, QWheelEvent
from PySide6.QtWidgets import QGraphicsView, QWidget

from marview.gui.gestures import Gestures
from marview.gui.grey_item import GreyItem
from marview.gui.overlay import OverlayItem
from marview.gui.palette import on_image

MARGIN_PX = 10
SCALES_MM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


class ImageView(pg.GraphicsView):  # type: ignore[misc]
    """View that draws an image into a rectangle given in scene coordinates (mm, or views and bins)."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, useOpenGL=False, background="k")
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(120, 100)
        self.gestures = Gestures(self)
        self._image = GreyItem()
        self.addItem(self._image)
        self._overlays: dict[str, OverlayItem] = {}
        self._texts: dict[Qt.AlignmentFlag, str] = {}
        self._marks: dict[str, tuple[QPolygonF, QColor, float]] = {}
        self._labels: dict[str, tuple[QPointF, str, QColor]] = {}
        self._divider: float | None = None
        self.has_scale = False
        self._looking_at: tuple[QRectF, QSize, bool] | None = None
        self._quarters, self._is_mirrored = 0, False

    # -- what is drawn

    def set_picture(self, values: NDArray[Any] | None, rect: QRectF) -> None:
        """Show values `[y, x]` as an image in a rectangle; None hides the image."""
        self._image.setVisible(values is not None)
        if values is None:
            return
        levels = self._image.levels
        self._image.setImage(values, autoLevels=False, levels=levels if levels is not None else (-160.0, 240.0))
        rows, columns = values.shape
        transform = QTransform.fromTranslate(rect.left(), rect.top())
        self._image.setTransform(transform.scale(rect.width() / columns, rect.height() / rows))

    def set_levels(self, black: float, white: float, *, is_inverted: bool = False) -> None:
        """Set the values shown as black and white."""
        self._image.set_inverted(is_inverted=is_inverted)
        self._image.setLevels((black, white))

    def overlay(self, name: str) -> OverlayItem:
        """Return the overlay with this name, created on first use; newer overlays are on top."""
        if name not in self._overlays:
            item = OverlayItem()
            item.setZValue(len(self._overlays) + 1)
            self._overlays[name] = item
            self.addItem(item)
        return self._overlays[name]

    def set_text(self, corner: Qt.AlignmentFlag, text: str) -> None:
        """Show text in a corner or at an edge of the view."""
        if self._texts.get(corner, "") != text:
            self._texts[corner] = text
            self._redraw()

    def set_mark(self, name: str, line: QPolygonF | None, colour_: QColor | None = None, width: float = 1.4) -> None:
        """Draw a line in scene coordinates on top of everything; None removes the line."""
        before = self._marks.pop(name, None)
        if line is not None:
            self._marks[name] = (line, colour_ or on_image("focus"), width)
        for mark in (before, self._marks.get(name)):
            if mark is not None:
                self.viewport().update(self._covered(mark[0], mark[2]))

    def set_labels(self, labels: dict[str, tuple[QPointF, str, QColor]]) -> None:
        """Show labels next to points in the scene."""
        if labels != self._labels:
            self._labels = labels
            self._redraw()

    def _redraw(self) -> None:
        """Redraw the scene, so that marks and items change together; a viewport update would draw the marks earlier."""
        self.scene().update()

    def _covered(self, line: QPolygonF, width: float) -> QRect:
        """Return the pixels of the view that a mark touches."""
        room = math.ceil(width) + 2
        around = self.viewportTransform().map(line).boundingRect().toAlignedRect()
        touched: QRect = around.adjusted(-room, -room, room, room).intersected(self.viewport().rect())
        return touched

    def set_divider(self, share: float | None) -> None:
        """Draw the divider of the swipe view at a fraction of the width; None removes it."""
        if share != self._divider:
            self._divider = share
            self._redraw()

    # -- where it looks

    def look_at(self, rect: QRectF, *, is_stretched: bool = False) -> None:
        """Fit a rectangle of the scene into the view, stretched or with its aspect ratio preserved."""
        wanted = (QRectF(rect), self.viewport().size(), is_stretched)
        if wanted != self._looking_at:
            self._looking_at = wanted
            self.setRange(rect, padding=0, lockAspect=not is_stretched)

    def look_from(self, whole: QRectF, zoom: float, centre: QPointF) -> None:
        """Fit a rectangle of the scene into the rotated view, zoomed around a centre point."""
        area = self.viewport().size()
        if area.width() < 1 or area.height() < 1:
            return
        shown, room = whole.size(), QSizeF(area)
        if self._quarters % 2:
            shown.transpose()
        per_px = max(shown.width() / room.width(), shown.height() / room.height()) / zoom
        if self._quarters % 2:
            room.transpose()
        seen = QRectF(QPointF(), room * per_px)
        seen.moveCenter(centre)
        self.look_at(seen)

    def set_turn(self, quarters: int, *, is_mirrored: bool) -> None:
        """Set mirroring and the number of clockwise quarter turns; the next `look_from` refits the image."""
        if (quarters, is_mirrored) != (self._quarters, self._is_mirrored):
            self._quarters, self._is_mirrored = quarters, is_mirrored
            self._looking_at = None
            self.setTransform(self._turn)

    @property
    def _turn(self) -> QTransform:
        return QTransform().rotate(90.0 * self._quarters).scale(-1.0 if self._is_mirrored else 1.0, 1.0)

    def updateMatrix(self, propagate: bool = True) -> None:  # noqa: FBT001, FBT002 - pyqtgraph's signature
        """Fit the visible range into the rotated view.

        If a view is rotated by 90°, Qt's own fit measures the scale along the wrong axis. The error grows with
        every fit, until the transform becomes NaN and Qt crashes.
        """
        area, shown = self.viewport().size(), self.range.size()
        if self.autoPixelRange or not self._quarters % 2 or shown.isEmpty() or area.isEmpty():
            super().updateMatrix(propagate)
            return
        self.setSceneRect(self.range)
        fit = QTransform.fromScale(area.width() / shown.height(), area.height() / shown.width())
        self.setTransform(self._turn * fit)
        self.centerOn(self.range.center())
        self.sigDeviceRangeChanged.emit(self, self.range)
        self.sigDeviceTransformChanged.emit(self)

    def set_smooth(self, *, is_smooth: bool) -> None:
        """Interpolate enlarged pixels, or show them as squares."""
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smooth)
        self._redraw()

    def to_scene(self, at: QPointF) -> QPointF:
        """Return the scene point under a pixel of the view."""
        inverted, _ = self.viewportTransform().inverted()
        return QPointF(inverted.map(at))

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a gesture."""
        self.gestures.press(event)
        event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue a gesture, or report the position under the mouse."""
        self.gestures.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a gesture."""
        self.gestures.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Request that the pane be maximised."""
        self.gestures.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll or zoom."""
        self.gestures.wheel(event)
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        """Report that the mouse left the view."""
        super().leaveEvent(event)
        self.left.emit()

    # -- drawing

    def drawForeground(self, painter: QPainter, rect: QRectF | Any) -> None:  # noqa: ARG002
        """Draw the lines, divider and text labels in view pixel coordinates."""
        to_pixels = self.viewportTransform()
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line, line_colour, width in self._marks.values():
            painter.setPen(QPen(line_colour, width))
            painter.drawPolyline(to_pixels.map(line))
        area = QRectF(self.viewport().rect())
        if self._divider is not None:
            x = area.left() + self._divider * area.width()
            painter.setPen(QPen(on_image("focus"), 1.5))
            painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        for point, text, tone in self._labels.values():
            lines = painter.fontMetrics().boundingRect(QRect(0, 0, 400, 200), Qt.AlignmentFlag.AlignLeft, text)
            place = QRectF(to_pixels.map(point) + QPointF(10, -6), QSizeF(lines.size()))
            place.translate(min(0.0, area.right() - 4 - place.right()), 0)  # never cut off at the edge
            painter.fillRect(place.adjusted(-4, -2, 4, 2), QColor(0, 0, 0, 170))
            painter.setPen(tone)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, text)
        self._draw_texts(painter, area.adjusted(MARGIN_PX, MARGIN_PX - 2, -MARGIN_PX, 2 - MARGIN_PX))
        painter.restore()

    def _draw_scale(self, painter: QPainter, area: QRectF) -> None:
        """Draw a bar of a round length in mm above the letter at the bottom edge."""
        to_pixels = self.viewportTransform()
        per_mm = math.hypot(to_pixels.m11(), to_pixels.m12())
        lengths = [
            length for length in SCALES_MM if length * per_mm <= min(max(160.0, area.width() / 6), area.width() / 3)
        ]
        if not lengths or per_mm <= 0:
            return
        length = lengths[-1] * per_mm
        y, left = area.bottom() - 22, area.center().x() - length / 2
        for shift, tone in ((1.0, QColor(0, 0, 0, 210)), (0.0, QColor(214, 222, 230))):
            painter.setPen(QPen(tone, 1.5))
            painter.drawLine(QLineF(left + shift, y + shift, left + length + shift, y + shift))
            for x in (left, left + length):
                painter.drawLine(QLineF(x + shift, y - 3 + shift, x + shift, y + 3 + shift))
            words = QRectF(left - 60 + shift, y - 20 + shift, length + 120, 16)
            painter.drawText(words, Qt.AlignmentFlag.AlignCenter, f"{lengths[-1]:g} mm")

    def _draw_texts(self, painter: QPainter, area: QRectF) -> None:
        font = QFont(self.font())
        font.setPointSizeF(max(7.5, font.pointSizeF() * 0.92))
        painter.setFont(font)
        for corner, text in self._texts.items():
            if text:
                painter.setPen(QColor(0, 0, 0, 210))
                painter.drawText(area.translated(1, 1), corner, text)
                painter.setPen(QColor(214, 222, 230))
                painter.drawText(area, corner, text)
        if self.has_scale and self._image.isVisible() and any(self._texts.values()):
            self._draw_scale(painter, area)
