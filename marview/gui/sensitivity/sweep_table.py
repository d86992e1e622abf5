"""Table of a sweep's measures, with export as CSV, PNG or PDF."""

import math
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.mar.sweep_plan import Variant
from marview.session.session import Session
from marview.text import tr, translatable

COLUMNS = (
    translatable("Variant"),
    translatable("Voxels"),
    translatable("Mean"),
    translatable("SD"),
    translatable("Streaks"),
    translatable("RMSE"),
    "s",
)
FEWEST_ROWS = 3
"""Rows visible on a small screen."""

FILTERS = (translatable("Table (*.csv)"), translatable("Figure (*.png)"), translatable("Figure (*.pdf)"))


class SweepTable(QWidget):
    """Table with one row for the uncorrected slices and one per variant; selecting a row shows its images."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName(tr("Measures of the variants"))
        self.table.setHorizontalHeaderLabels([tr(name) for name in COLUMNS])
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        row_px = self.fontMetrics().height() + 9
        self.table.verticalHeader().setDefaultSectionSize(row_px)
        self.table.setMinimumHeight((1 + FEWEST_ROWS) * row_px + 6)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(34)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        first = QTableWidgetItem(tr(COLUMNS[0]))
        first.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setHorizontalHeaderItem(0, first)
        self.export = QPushButton(icon("export"), tr("Export …"))
        self.export.setToolTip(tr("Save the table as CSV, or the figure of the slice in view as PNG or PDF"))
        self.export.clicked.connect(self._export)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 8, 0)
        self.title = Label()
        self.title.setObjectName("muted")
        row.addWidget(self.title, 1)
        row.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 6)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        self.table.itemSelectionChanged.connect(self._choose)
        sensitivity = session.sensitivity
        sensitivity.found.connect(self.refresh)
        sensitivity.marked.connect(self.refresh)
        sensitivity.chosen.connect(self._mark)
        self.refresh()

    def refresh(self) -> None:
        """Fill the table."""
        sensitivity = self._session.sensitivity
        swept = sensitivity.swept
        self.export.setEnabled(swept is not None)
        slices = swept.result.slices if swept is not None else ()
        is_one = len(slices) < 2
        self.title.setText(tr("Measures in HU") if is_one else tr("Measures in HU, {} slices").format(len(slices)))
        blocker = QSignalBlocker(self.table)
        rows = sensitivity.rows if swept is not None else ()
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            values = (row.mean_hu, row.deviation_hu, row.streak_index, row.rmse_hu, row.seconds or math.nan)
            digits = (1, 1, 2, 1, 1)
            told = ["" if math.isnan(v) else f"{v:.{d}f}" for v, d in zip(values, digits, strict=True)]
            name = self._name(row.variant) + (f"  ({tr(row.remark)})" if row.remark else "")
            for column, text in enumerate((name, str(row.metal_voxels), *told)):
                item = QTableWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, row.variant.name)
                item.setToolTip(tooltip(row.note or name))
                right = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(right | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, column, item)
            if row.note:
                self.table.setItem(at, 2, QTableWidgetItem(tr("not run")))
        self.table.setColumnHidden(5, all(math.isnan(row.rmse_hu) for row in rows))
        del blocker
        self._mark()

    def _name(self, variant: Variant) -> str:
        """Return the label of a variant: the margin first, the method only if there are several."""
        swept = self._session.sensitivity.swept
        if swept is None or not variant.method:
            return tr("Uncorrected")
        if len(swept.result.methods) == 1:
            return variant.label
        return f"{variant.label}  {swept.titles.get(variant.method, variant.method)}"

    def _mark(self) -> None:
        blocker = QSignalBlocker(self.table)
        for at in range(self.table.rowCount()):
            item = self.table.item(at, 0)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == self._session.sensitivity.variant:
                self.table.selectRow(at)
        del blocker

    def _choose(self) -> None:
        chosen = self.table.selectedItems()
        if chosen:
            self._session.sensitivity.choose(chosen[0].data(Qt.ItemDataRole.UserRole))

    def _export(self) -> None:
        settings, display = self._session.settings, self._session.view.display
        folder = Path(settings.export_folder) if settings.export_folder else Path.home()
        chosen, kind = QFileDialog.getSaveFileName(
            self, tr("Export the sweep"), str(folder / "sweep.csv"), ";;".join(map(tr, FILTERS))
        )
        if not chosen:
            return
        path = Path(chosen)
        if not path.suffix and "*" in kind:
            path = path.with_suffix(kind[kind.index("*") + 1 : -1])
        settings.export_folder = str(path.absolute().parent)
        self._session.sensitivity.export(path, display.slice_index, display.window)
