"""Slot for a side panel that can be undocked, for example to a second screen."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from marview.text import tr

LEAST_HEIGHT_PX = 480


class PanelSlot(QWidget):
    """Slot for a panel; while the panel floats, the slot is hidden and the images use its space."""

    def __init__(self, panel: QWidget, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panel = panel
        self.floating: FloatingPanel | None = None
        self._title = title
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(panel)

    @property
    def is_floating(self) -> bool:
        """Return whether the panel is undocked."""
        return self.floating is not None

    def show_panel(self, *, is_wanted: bool = True) -> None:
        """Show or hide the slot with its panel; a floating panel is not affected."""
        if not self.is_floating:
            self.setVisible(is_wanted)

    def toggle_floating(self) -> None:
        """Undock or dock the panel; the shortcuts of the main window also work in the floating window."""
        if self.is_floating:
            self.dock()
            return
        size = self.panel.size()
        self.floating = FloatingPanel(self, f"{tr(self._title)} — marview", self.window())
        self.floating.addActions(self.window().actions())
        self.floating.column.addWidget(self.panel)
        self.floating.resize(size.width(), max(LEAST_HEIGHT_PX, size.height()))
        self.hide()
        self.panel.show()
        self.floating.show()

    def dock(self) -> None:
        """Dock the panel."""
        floating, self.floating = self.floating, None
        if floating is None:
            return
        self._column.addWidget(self.panel)
        self.panel.show()
        self.show()
        floating.hide()
        floating.deleteLater()


class FloatingPanel(QWidget):
    """The window of a floating panel; closing it docks the panel."""

    def __init__(self, slot: PanelSlot, title: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(title)
        self._slot = slot
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Dock the panel."""
        self._slot.dock()
        super().closeEvent(event)
