"""The frame of a pane: title, controls, a view and a caption."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from marview.gui.elided_label import ElidedLabel
from marview.gui.icons import icon
from marview.gui.panes.caption import Caption
from marview.text import tr

HEADER_PX = 38
LEAST_PX = (240, 220)
"""Minimum width and height of a pane."""


class Pane(QFrame):
    """A frame around a view; a visible edge marks the pane with the focus.

    Args:
        name: identifier of the pane in layouts.
        title: text above the view.
        body: view of a slice, a sinogram, a 3D scene or a plot.
    """

    activated = Signal(str)
    maximise_asked = Signal(str)
    menu_asked = Signal(QPoint)

    def __init__(self, name: str, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setObjectName("pane")
        self.setProperty("isActive", False)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMinimumSize(*LEAST_PX)
        self.title = ElidedLabel()
        self.title.setText(title)
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.title.setObjectName("paneTitle")
        self.note = ElidedLabel()
        self.note.setObjectName("paneNote")
        self.controls = QHBoxLayout()
        self.controls.setSpacing(2)
        maximise = QToolButton()
        maximise.setIcon(icon("maximise", "muted"))
        maximise.setObjectName("quiet")
        maximise.setToolTip(tr("Maximise or restore (double click)"))
        maximise.setAccessibleName(tr("Maximise {}").format(title))
        maximise.clicked.connect(lambda: self.maximise_asked.emit(self.name))
        header = QHBoxLayout()
        header.setContentsMargins(10, 0, 5, 0)
        header.setSpacing(0)
        header.addWidget(self.title)
        header.addSpacing(8)
        header.addWidget(self.note, 1)
        header.addLayout(self.controls)
        header.addSpacing(2)
        header.addWidget(maximise)
        self.body = body
        self.caption = Caption()
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        top = QWidget()
        top.setFixedHeight(HEADER_PX)
        top.setLayout(header)
        column.addWidget(top)
        column.addWidget(body, 1)
        column.addWidget(self.caption)

    def snapshot(self) -> QPixmap:
        """Return a screenshot of the view."""
        seen: QPixmap = self.body.grab()
        return seen

    def set_caption(self, first: str, second: str = "", more: Sequence[str] = (), *, short: str = "") -> None:
        """Set the two lines under the view and their tool tip; see `Caption.set_lines` for the arguments."""
        self.caption.set_lines(first, second, more, short=short)

    def set_note(self, text: str, kind: str = "") -> None:
        """Set the note next to the title; `kind` ("warning", "pending") determines its colour."""
        self.note.setText(text)
        if self.note.property("kind") != kind:
            self.note.setProperty("kind", kind)
            self._polish(self.note)

    def set_active(self, *, is_active: bool) -> None:
        """Show or hide the edge that marks the focus."""
        if self.property("isActive") != is_active:
            self.setProperty("isActive", is_active)
            self._polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the focus on a click."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Report that this pane has the focus."""
        super().focusInEvent(event)
        self.activated.emit(self.name)

    @staticmethod
    def _polish(widget: QWidget) -> None:
        widget.style().unpolish(widget)
        widget.style().polish(widget)
