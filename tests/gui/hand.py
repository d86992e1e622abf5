"""Helper that paints with mouse and keys in the original pane of a real window."""

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier


class Hand:
    """A mouse on the original's pane, in voxels of the slice in view."""

    def __init__(self, window, qtbot) -> None:
        self.window, self.qtbot = window, qtbot
        self.session = window.session
        self.view = window.grid.panes["original"].view
        self.viewport = self.view.viewport()

    def at(self, row: float, column: float) -> QPointF:
        x, y = self.session.original().point_at(row, column)
        return self.view.viewportTransform().map(QPointF(x, y))

    def send(self, kind, at: QPointF, button, held, modifiers=PLAIN) -> None:
        where = QPointF(self.viewport.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(self.viewport, QMouseEvent(kind, at, where, button, held, modifiers))

    def stroke(self, *places, modifiers=PLAIN) -> None:
        points = [self.at(*place) for place in places]
        self.send(QEvent.Type.MouseButtonPress, points[0], LEFT, LEFT, modifiers)
        for point in points[1:]:
            self.send(QEvent.Type.MouseMove, point, NONE, LEFT, modifiers)
        self.send(QEvent.Type.MouseButtonRelease, points[-1], LEFT, NONE, modifiers)

    def hover(self, row: float, column: float) -> None:
        self.send(QEvent.Type.MouseMove, self.at(row, column), NONE, NONE)

    def key(self, key, modifiers=PLAIN) -> None:
        self.window.activateWindow()
        QTest.keyClick(self.window.focusWidget() or self.window, key, modifiers)

    def turn(self, notches: int, modifiers) -> None:
        at = QPointF(self.viewport.rect().center())
        turned = QPoint(0, notches * 120)
        phase = Qt.ScrollPhase.NoScrollPhase
        where = QPointF(self.viewport.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(self.viewport, QWheelEvent(at, where, QPoint(), turned, NONE, modifiers, phase, False))

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.session.metal.is_busy, timeout=5000)

    @property
    def mask(self) -> np.ndarray:
        return self.session.metal.shared.array
