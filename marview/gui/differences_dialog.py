"""Show the differences between two runs side by side."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from marview.session.run_differences import Difference
from marview.text import tr


class DifferencesDialog(QDialog):
    """A table with one row per difference between two runs; the last row compares their images."""

    def __init__(self, titles: Sequence[str], found: Sequence[Difference], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Differences between two runs"))
        self.table = QTableWidget(len(found), 3)
        self.table.setAccessibleName(tr("Differences between two runs"))
        self.table.setHorizontalHeaderLabels(["", *titles])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setWordWrap(True)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for row, one in enumerate(found):
            for column, words in enumerate((one.what, one.first, one.second)):
                self.table.setItem(row, column, QTableWidgetItem(words))
            if not one.second:
                self.table.setSpan(row, 1, 1, 2)
        self.table.resizeRowsToContents()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        down = QVBoxLayout(self)
        down.addWidget(self.table)
        down.addWidget(buttons)
        self.resize(560, 320)
