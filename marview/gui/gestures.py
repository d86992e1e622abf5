"""Translate mouse events into gestures that work the same in every pane."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent

NOTCH = 120
DRAG_PX = 3
ZOOM_PER_PX = 1.006
ZOOM_PER_NOTCH = 1.2


class Gestures(QObject):
    """Mouse handler that emits one signal per gesture; positions and distances are in pane pixels.

    Left drag changes the window width and level, middle drag pans, and right drag zooms around its starting
    point. A right click without a drag opens the menu. The wheel scrolls through the slices; with Ctrl, it
    zooms at the cursor, and with Shift, it resizes the brush.

    Attributes:
        is_tool_on: whether the left button operates a tool; with Alt, the button still changes the window
            width and level.
    """

    windowed = Signal(float, float)
    panned = Signal(QPointF, QPointF)
    zoomed = Signal(float, QPointF)
    scrolled = Signal(int)
    pointed = Signal(QPointF, bool)
    double_clicked = Signal()
    menu_asked = Signal(QPoint)
    tool_pressed = Signal(QPointF)
    tool_moved = Signal(QPointF)
    tool_released = Signal()
    tool_closed = Signal()
    tool_resized = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._button = Qt.MouseButton.NoButton
        self._began = QPointF()
        self._last = QPointF()
        self._is_drag = False
        self._wheel = 0
        self.is_tool_on = False
        self._is_tooling = False
        self._grabs: list[tuple[Callable[[QPointF], bool], Callable[[QPointF], None]]] = []
        self._dragging: Callable[[QPointF], None] | None = None

    def add_grab(self, is_here: Callable[[QPointF], bool], drag: Callable[[QPointF], None]) -> None:
        """Make an object draggable with the left button while no tool is active.

        Where objects overlap, the object added last takes precedence.

        Args:
            is_here: function that returns whether the object is at a pixel position.
            drag: function that moves the object to a pixel position.
        """
        self._grabs.insert(0, (is_here, drag))

    def press(self, event: QMouseEvent) -> None:
        """Start a gesture; the first mouse button pressed determines its type."""
        if self._button == Qt.MouseButton.NoButton:
            self._button = event.button()
            self._began = self._last = event.position()
            self._is_drag = False
            has_alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            self._is_tooling = self.is_tool_on and self._button == Qt.MouseButton.LeftButton and not has_alt
            if self._is_tooling:
                self.tool_pressed.emit(self._began)
                return
            is_left = self._button == Qt.MouseButton.LeftButton and not has_alt
            held = (drag for is_here, drag in self._grabs if is_here(self._began)) if is_left else iter(())
            self._dragging = next(held, None)

    def move(self, event: QMouseEvent) -> None:
        """Continue the gesture, or report the position under the mouse."""
        at = event.position()
        if self._button == Qt.MouseButton.NoButton:
            self.pointed.emit(at, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        if self._is_tooling:
            self.tool_moved.emit(at)
            self.pointed.emit(at, False)
            return
        if self._dragging is not None:
            self._dragging(at)
            return
        if not self._is_drag and (at - self._began).manhattanLength() < DRAG_PX:
            return
        self._is_drag = True
        step = at - self._last
        if self._button == Qt.MouseButton.LeftButton:
            self.windowed.emit(step.x(), step.y())
        elif self._button == Qt.MouseButton.MiddleButton:
            self.panned.emit(self._last, at)
        elif self._button == Qt.MouseButton.RightButton:
            self.zoomed.emit(ZOOM_PER_PX ** -step.y(), self._began)
        self._last = at

    def release(self, event: QMouseEvent) -> None:
        """End the gesture when its button is released."""
        if event.button() != self._button:
            return
        if self._button == Qt.MouseButton.RightButton and not self._is_drag:
            self.menu_asked.emit(event.globalPosition().toPoint())
        self._button = Qt.MouseButton.NoButton
        self._dragging = None
        if self._is_tooling:
            self._is_tooling = False
            self.tool_released.emit()

    def double_click(self, event: QMouseEvent) -> None:
        """Report a double click; if a tool is active, it counts as a click and closes the outline."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self.is_tool_on:
            self.press(event)
            self.tool_closed.emit()
        else:
            self.double_clicked.emit()

    def wheel(self, event: QWheelEvent) -> None:
        """Scroll, zoom or resize the brush; small touchpad steps accumulate into whole notches."""
        turned = event.angleDelta().y() or event.angleDelta().x()  # some systems turn the wheel sideways with Shift
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(ZOOM_PER_NOTCH ** (turned / NOTCH), event.position())
            return
        if turned * self._wheel < 0:
            self._wheel = 0
        self._wheel += turned
        notches = int(self._wheel / NOTCH)
        if notches:
            self._wheel -= notches * NOTCH
            is_sizing = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            (self.tool_resized if is_sizing else self.scrolled).emit(notches)
