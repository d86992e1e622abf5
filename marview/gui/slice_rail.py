"""Rail next to the panes that marks the current slice, the slices with metal and the corrected slices."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from marview.gui.painting import painting
from marview.gui.palette import colour
from marview.session.display import Display
from marview.session.session import Session
from marview.text import tr

WIDTH, MARGIN = 22, 10


class SliceRail(QWidget):
    """Rail with slice 1 at the top; clicking or dragging goes to a slice."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(tr("Slices of the series"))
        self.setToolTip(tr("Slices: metal on the left, corrected on the right"))
        session.view.changed.connect(self._follow)
        session.metal.changed.connect(self._redraw)
        session.result_changed.connect(self._redraw)
        session.runs.filled.connect(self._redraw)

    def sizeHint(self) -> QSize:
        """Return a narrow, tall size."""
        return QSize(WIDTH, 200)

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if names & {"slice_index", "slice_count"}:
            self.update()

    def _redraw(self, *_: object) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the rail."""
        with painting(self) as painter:
            painter.fillRect(self.rect(), colour("panel"))
            display = self._session.view.display
            if not display.slice_count:
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("outline"))
            painter.drawRoundedRect(QRectF(WIDTH / 2 - 1, MARGIN, 2, self.height() - 2 * MARGIN), 1, 1)
            for slice_index in self._session.metal.slices:
                painter.fillRect(self._tick(int(slice_index), 4, 5), colour("metal"))
            result = self._session.result
            for slice_index in result.done if result is not None else ():
                painter.fillRect(self._tick(slice_index, 13, 5), colour("success"))
            here = self._tick(display.slice_index, 2, WIDTH - 4)
            handle = QRectF(here.left(), here.center().y() - 2.5, here.width(), 5)
            painter.setPen(QPen(colour("base"), 1))
            painter.setBrush(colour("text"))
            painter.drawRoundedRect(handle, 2.5, 2.5)

    def _tick(self, slice_index: int, left: float, width: float) -> QRectF:
        count = max(1, self._session.view.display.slice_count)
        step = (self.height() - 2 * MARGIN) / count
        place = self._session.view.display.numbers.number(slice_index) - 1
        return QRectF(left, MARGIN + place * step, width, max(1.5, step - (1 if step > 3 else 0)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the slice under the mouse."""
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the drag."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        count = self._session.view.display.slice_count
        if count:
            share = (event.position().y() - MARGIN) / max(1, self.height() - 2 * MARGIN)
            self._session.view.go_to_number(min(count, max(1, 1 + int(share * count))))
