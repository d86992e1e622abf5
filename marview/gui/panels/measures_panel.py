"""The list of measurements: click to go there, remove, export."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QWidget

from marview.gui.icons import icon
from marview.gui.label import tooltip
from marview.gui.panels.folding import FoldingSection
from marview.gui.text import tr
from marview.session.measures import Measure, words
from marview.session.session import Session

MOST_PX = 150


class MeasuresPanel(FoldingSection):
    """One line a measurement, with its value in the original and its change in the result in view."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Measurements"), parent, is_open=True)
        self._session = session
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Measurements"))
        self.list.itemClicked.connect(self._go)
        self.remove = QPushButton(tr("Remove"))
        self.remove.setToolTip(tr("Remove the measurement that is selected, or the last one"))
        self.remove.clicked.connect(self._remove)
        self.export = QPushButton(icon("export"), tr("Export CSV …"))
        self.export.clicked.connect(self._export)
        row = QHBoxLayout()
        row.addWidget(self.remove)
        row.addWidget(self.export, 1)
        self.column.addWidget(self.list)
        self.column.addLayout(row)
        session.measures.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """List them anew."""
        listed = self._session.measures.listed
        self.setVisible(bool(listed))
        chosen = self.list.currentRow()
        self.list.clear()
        for measure in listed:
            text = self._line(measure)
            item = QListWidgetItem(text)
            item.setToolTip(tooltip(text))
            item.setData(Qt.ItemDataRole.UserRole, measure)
            self.list.addItem(item)
        self.list.setCurrentRow(min(chosen, len(listed) - 1))
        row_px = self.list.sizeHintForRow(0) if listed else 0
        self.list.setFixedHeight(min(MOST_PX, len(listed) * row_px + 6))

    def _line(self, measure: Measure) -> str:
        session = self._session
        pictures = list(session.measures.pictures(measure.slice_index).values())
        number = session.view.display.numbers.number(measure.slice_index)
        first = words(measure, pictures[0]).split("\n")[0] if pictures else ""
        text = tr("{}, slice {}: {}").format(measure.name, number, first)
        if session.result in session.results and "HU" in first:
            shown = pictures[1 + session.results.index(session.result)]
            text += " → " + words(measure, shown, pictures[0]).split("\n")[0].removeprefix("mean ")
        return text

    def _go(self, item: QListWidgetItem) -> None:
        self._session.view.go_to(item.data(Qt.ItemDataRole.UserRole).slice_index)

    def _remove(self) -> None:
        item = self.list.currentItem()
        self._session.measures.remove(None if item is None else item.data(Qt.ItemDataRole.UserRole))

    def _export(self) -> None:
        settings = self._session.settings
        folder = Path(settings.export_folder) if settings.export_folder else Path.home()
        chosen, _ = QFileDialog.getSaveFileName(
            self, tr("Export the measurements"), str(folder / "measurements.csv"), "CSV (*.csv)"
        )
        if chosen:
            path = Path(chosen)
            settings.export_folder = str(path.absolute().parent)
            self._session.export_measures(path if path.suffix else path.with_suffix(".csv"))
