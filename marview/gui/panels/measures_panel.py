"""Panel that lists, removes and exports measurements, and compares a region across all images."""

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QWidget

from marview.gui.icons import icon
from marview.gui.label import tooltip
from marview.gui.panels.folding import FoldingSection
from marview.gui.panels.region_details import RegionDetails
from marview.session.measurement import REGIONS, Measure, place_words, words
from marview.session.session import Session
from marview.text import tr

MOST_PX = 150


class MeasuresPanel(FoldingSection):
    """List of measurements: the value of each in the original, and its change in the result in view."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Measurements"), parent, is_open=True)
        self._session = session
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Measurements"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemClicked.connect(self._go)
        self.list.currentRowChanged.connect(lambda _row: self._detail())
        self.details = RegionDetails()
        self.remove = QPushButton(tr("Remove"))
        self.remove.setToolTip(tr("Remove the selected measurement, or the last one"))
        self.remove.clicked.connect(self._remove)
        self.export = QPushButton(icon("export"), tr("Export …"))
        self.export.setToolTip(tr("Write the measurements as CSV or as DICOM SR"))
        self.export.clicked.connect(self._export)
        row = QHBoxLayout()
        row.addWidget(self.remove)
        row.addWidget(self.export, 1)
        self.column.addWidget(self.list)
        self.column.addWidget(self.details)
        self.column.addLayout(row)
        session.measures.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Update the list."""
        listed = self._session.measures.listed
        self.setVisible(bool(listed))
        is_longer = len(listed) > self.list.count()
        chosen = len(listed) - 1 if is_longer else self.list.currentRow()
        blocker = QSignalBlocker(self.list)
        self.list.clear()
        for measure in listed:
            text = self._line(measure)
            item = QListWidgetItem(text)
            item.setToolTip(tooltip(text))
            item.setData(Qt.ItemDataRole.UserRole, measure)
            self.list.addItem(item)
        self.list.setCurrentRow(min(chosen, len(listed) - 1))
        blocker.unblock()
        self.list.ensurePolished()  # rows get their final height from the style sheet
        row_px = self.list.sizeHintForRow(0) if listed else 0
        self.list.setFixedHeight(min(MOST_PX, len(listed) * row_px + 2 * self.list.frameWidth() + 4))
        if (item := self.list.currentItem()) is not None:
            self.list.scrollToItem(item)
        self._detail()

    def _detail(self) -> None:
        """Compare the selected region in all images."""
        item = self.list.currentItem()
        measure = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        is_region = measure is not None and measure.kind in REGIONS
        self.details.show_region(measure, self._session.measures.pictures(measure) if is_region else {})

    def _line(self, measure: Measure) -> str:
        session = self._session
        pictures = list(session.measures.pictures(measure).values())
        number = session.view.display.numbers.number(measure.slice_index)
        first = words(measure, pictures[0]).split("\n")[0] if pictures else ""
        text = tr("{}, {}: {}").format(measure.title, place_words(measure, number), first)
        if session.result in session.results and "HU" in first:
            shown = pictures[1 + session.results.index(session.result)]
            text += " → " + words(measure, shown, pictures[0]).split("\n")[0].removeprefix(
                tr("mean {:.1f} HU").partition("{")[0]
            )
        return text

    def _go(self, item: QListWidgetItem) -> None:
        measure, loaded = item.data(Qt.ItemDataRole.UserRole), self._session.loaded
        if measure.plane is None or loaded is None:
            self._session.view.go_to(measure.slice_index)
        else:
            self._session.crosshair.move(measure.to_lps(loaded.volume.grid).mean(axis=0))

    def _remove(self) -> None:
        item = self.list.currentItem()
        self._session.measures.remove(None if item is None else item.data(Qt.ItemDataRole.UserRole))

    def _export(self) -> None:
        settings = self._session.settings
        folder = Path(settings.export_folder) if settings.export_folder else Path.home()
        chosen, kind = QFileDialog.getSaveFileName(
            self, tr("Export the measurements"), str(folder / "measurements.csv"), "CSV (*.csv);;DICOM SR (*.dcm)"
        )
        if chosen:
            path = Path(chosen)
            settings.export_folder = str(path.absolute().parent)
            suffix = ".dcm" if "dcm" in kind else ".csv"
            self._session.measure_files.export(path if path.suffix else path.with_suffix(suffix))
