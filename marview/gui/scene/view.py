"""Display rendered images of the 3D scene; mouse gestures move the camera."""

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from marview.gui.gestures import Gestures
from marview.gui.painting import painting
from marview.gui.palette import on_image
from marview.gui.scene.camera import Camera
from marview.gui.scene.renderer import Shown

MOST_PX = 1100
"""Longest edge of a rendered picture in pixels; larger views scale it up."""

MARGIN_PX = 10
SHADOW = QColor(0, 0, 0, 210)
LETTERS = ("RL", "AP", "FH")


class SceneView(QWidget):
    """View of the 3D scene; a left drag rotates it, a middle drag pans, a right drag or the wheel zooms."""

    moved = Signal()
    """The camera has moved; a drag may continue."""

    settled = Signal()
    """The drag has ended."""

    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(120, 100)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.camera = Camera()
        self.titles: tuple[str, str] = ("", "")
        self.words = ""
        self.shown: Shown | None = None
        self.gestures = Gestures(self)
        self.gestures.windowed.connect(lambda right, down: self._move(self.camera.turned(right, down)))
        self.gestures.panned.connect(self._pan)
        self.gestures.zoomed.connect(lambda factor, _at: self._move(self.camera.zoomed(factor)))
        self._image = QImage()

    @property
    def picture_size(self) -> QSize:
        """Return the image size for this view in pixels."""
        ratio = self.devicePixelRatioF()
        width, height = self.width() * ratio, self.height() * ratio
        less = min(1.0, MOST_PX / max(width, height, 1))
        return QSize(max(16, round(width * less)), max(16, round(height * less)))

    def show_picture(self, shown: Shown | None) -> None:
        """Show an image; None clears the view."""
        self.shown = shown
        if shown is None:
            self._image = QImage()
        else:
            width, height = shown.drawn.width, shown.drawn.height
            image = QImage(shown.rgb, width, height, 3 * width, QImage.Format.Format_RGB888)
            self._image = image.flipped(Qt.Orientation.Vertical)
        self.update()

    def say(self, words: str) -> None:
        """Show a message in the centre; an empty string clears it."""
        if words != self.words:
            self.words = words
            self.update()

    def look_from(self, camera: Camera) -> None:
        """Move the camera."""
        self._move(camera)
        self.settled.emit()

    def _move(self, camera: Camera) -> None:
        self.camera = camera
        self.moved.emit()

    def _pan(self, start: QPointF, end: QPointF) -> None:
        if self.shown is None:
            return
        mm = self.shown.drawn.pixel_mm * self.shown.drawn.width / max(1, self.width())
        step = end - start
        self._move(self.camera.panned(step.x() * mm, -step.y() * mm))

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a gesture and give the pane the focus."""
        self.gestures.press(event)
        event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue a gesture."""
        self.gestures.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a gesture."""
        self.gestures.release(event)
        self.settled.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Request that the pane be maximised."""
        self.gestures.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom, or move the cutting plane if the pane handles the wheel."""
        self.gestures.wheel(event)
        event.accept()

    def resizeEvent(self, event: Any) -> None:
        """Request an image at the new size."""
        super().resizeEvent(event)
        self.resized.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the image, titles and orientation letters."""
        with painting(self) as painter:
            painter.fillRect(self.rect(), QColor(5, 6, 8))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if not self._image.isNull():
                painter.drawImage(QRectF(self.rect()), self._image)
            if self.words:
                painter.setPen(on_image("muted"))
                middle = self.rect().adjusted(30, 30, -30, -30)
                painter.drawText(middle, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), self.words)
                return
            if self._image.isNull():
                return
            for title, area in zip(self.titles, self._parts(), strict=False):
                inside = area.adjusted(MARGIN_PX, MARGIN_PX - 2, -MARGIN_PX, 2 - MARGIN_PX)
                corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
                for edge, words in [(corner, title), *self._letters()]:
                    painter.setPen(SHADOW)  # bone is as bright as the words
                    painter.drawText(inside.translated(1, 1), edge, words)
                    painter.setPen(on_image("text"))
                    painter.drawText(inside, edge, words)
            self._draw_border(painter)

    def _parts(self) -> list[QRectF]:
        """Return the rectangles of original and corrected."""
        whole = QRectF(self.rect())
        drawn = None if self.shown is None else self.shown.drawn
        if drawn is None or not drawn.has_corrected:
            return [whole]
        if drawn.is_stacked:
            half = whole.height() / 2
            return [QRectF(0, 0, whole.width(), half), QRectF(0, half, whole.width(), half)]
        half = whole.width() / 2
        return [QRectF(0, 0, half, whole.height()), QRectF(half, 0, half, whole.height())]

    def _draw_border(self, painter: QPainter) -> None:
        parts = self._parts()
        if len(parts) == 2:
            painter.setPen(on_image("border"))
            painter.drawLine(parts[1].topLeft(), parts[0].bottomRight())

    def _letters(self) -> list[tuple[Qt.AlignmentFlag, str]]:
        flag = Qt.AlignmentFlag
        edges = (
            (flag.AlignLeft | flag.AlignVCenter, -self.camera.right),
            (flag.AlignRight | flag.AlignVCenter, self.camera.right),
            (flag.AlignHCenter | flag.AlignTop, self.camera.up),
            (flag.AlignHCenter | flag.AlignBottom, -self.camera.up),
        )
        made = []
        for edge, towards in edges:
            axis = int(abs(towards).argmax())
            made.append((edge, LETTERS[axis][int(towards[axis] > 0)]))
        return made
