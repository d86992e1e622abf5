"""A collapsible section of the side panel."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from marview.gui.icons import icon
from marview.gui.panels.section import Section


class FoldingSection(Section):
    """A section that expands or collapses when its title is clicked."""

    def __init__(self, title: str, parent: QWidget | None = None, *, is_open: bool = False) -> None:
        super().__init__(title, parent)
        self.button = QToolButton()
        self.button.setObjectName("fold")
        self.button.setText(title.upper())
        self.button.setAccessibleName(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        while (item := self.header.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.header.addWidget(self.button)
        self.inside = QWidget()
        self.column = QVBoxLayout(self.inside)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(9)
        self.body.addWidget(self.inside)
        self.button.toggled.connect(self._fold)
        self.button.setChecked(is_open)
        self._fold(is_open)

    def _fold(self, is_open: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        self.inside.setVisible(is_open)
        self.button.setIcon(icon("chevron" if is_open else "chevron_right", "muted"))
