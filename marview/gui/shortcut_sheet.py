"""The sheet of keys and mouse gestures, built from the table of actions."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from marview.gui.action_rows import MOUSE, PRESET_ROWS, ROWS
from marview.gui.actions import Row
from marview.gui.label import Label
from marview.text import tr, translatable

COLUMNS, WIDEST_PX, SCROLL_BAR_PX = 3, 1320, 16
"""Maximum number of columns, and maximum width of the sheet and width of its scroll bar in pixels."""

TITLES = {
    "File": translatable("File"),
    "View": translatable("View"),
    "Go": translatable("Slices and series"),
    "View/Slab": translatable("Slab thickness of the planes"),
    "View/Oblique": translatable("Oblique section"),
    "View/Other series": translatable("Other series"),
    "Measure": translatable("Measure"),
    "Metal": translatable("Metal"),
    "Metal/Tools": translatable("Mask tools"),
    "Metal/Mask": translatable("The whole mask"),
    "Help": translatable("Help"),
    "": translatable("While held"),
}


class ShortcutSheet(QDialog):
    """Dialog that shows all keys and mouse gestures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys and mouse"))
        groups: dict[str, list[tuple[str, str]]] = {tr("Mouse"): [(tr(what), tr(does)) for what, does in MOUSE]}
        for row in ROWS:
            if row.keys:
                title = (
                    tr("View")
                    if row.id == "next_pane"
                    else tr(TITLES.get(row.menu) or TITLES[row.menu.partition("/")[0]])
                )
                groups.setdefault(title, []).append((keys_of(row), row.words))
        groups[tr("HU window")] = [(keys_of(row), row.words) for row in PRESET_ROWS if row.keys]
        room = self.screen().availableGeometry()
        width, height = min(WIDEST_PX, room.width() - 40), min(800, room.height() - 60)
        for most in range(COLUMNS, 0, -1):
            inside = _sheet(groups, most)
            if inside.sizeHint().width() <= width - SCROLL_BAR_PX:
                break
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 12)  # room for the border
        column.addWidget(scroll)
        column.addWidget(buttons)
        buttons.setContentsMargins(0, 0, 20, 0)
        self.resize(width, height)


def keys_of(row: Row) -> str:
    """Return the keys of a row in the platform's notation."""
    native = QKeySequence.SequenceFormat.NativeText
    return "  ".join(QKeySequence(key).toString(native) for key in row.keys)


def _sheet(groups: dict[str, list[tuple[str, str]]], columns: int) -> QWidget:
    """Return a widget with the groups in a number of columns."""
    inside = QWidget()
    across = QHBoxLayout(inside)
    across.setContentsMargins(20, 16, 20, 16)
    across.setSpacing(20)
    for part in _columns(groups, columns):
        down = QVBoxLayout()
        down.setSpacing(14)
        for title, rows in part:
            down.addWidget(_group(title, rows))
        down.addStretch(1)
        across.addLayout(down)
    return inside


def _columns(groups: dict[str, list[tuple[str, str]]], most: int) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """Distribute groups, in order, over a limited number of columns of similar height."""
    whole = sum(len(rows) + 2 for rows in groups.values())
    columns: list[list[tuple[str, list[tuple[str, str]]]]] = [[]]
    height = 0
    for title, rows in groups.items():
        if columns[-1] and len(columns) < most and height + (len(rows) + 2) / 2 > whole / most * len(columns):
            columns.append([])
        columns[-1].append((title, rows))
        height += len(rows) + 2
    return columns


def _group(title: str, rows: list[tuple[str, str]]) -> QWidget:
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(5)
    heading = Label(title.upper())
    heading.setObjectName("sectionTitle")
    grid.addWidget(heading, 0, 0, 1, 2)
    for line, (keys, does) in enumerate(rows, start=1):
        key = Label(keys)
        key.setObjectName("key")
        grid.addWidget(key, line, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(Label(does), line, 1)
    grid.setColumnMinimumWidth(0, 96)
    grid.setColumnStretch(1, 1)
    return made
