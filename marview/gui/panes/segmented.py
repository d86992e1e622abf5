"""A row of buttons; exactly one of them is on."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

PADDING_PX = 10


class Segmented(QWidget):
    """Row of buttons for choosing one of several options."""

    chosen = Signal(str)

    def __init__(self, choices: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for name, title in choices.items():
            button = QToolButton(self)
            button.setObjectName("segment")
            button.setText(title)
            button.setCheckable(True)
            button.ensurePolished()  # the style sheet sets the font that the width depends on
            button.clicked.connect(lambda _checked=False, name=name: self.chosen.emit(name))
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(title) + PADDING_PX)
            self._group.addButton(button)
            self._buttons[name] = button
            row.addWidget(button)

    def choose(self, name: str) -> None:
        """Select an option."""
        self._buttons[name].setChecked(True)

    def enable(self, name: str, *, is_possible: bool) -> None:
        """Enable or disable an option."""
        self._buttons[name].setEnabled(is_possible)
