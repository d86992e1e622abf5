"""Statistics and histograms of a region in the original and all results."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from marview.gui.elided_label import ElidedLabel
from marview.gui.label import Label
from marview.gui.palette import colour
from marview.gui.plot import new_plot
from marview.session.measure_files import image_words
from marview.session.measurement import REGIONS, Measure
from marview.session.picture import Picture
from marview.text import tr, translatable
from marview.volume.measure import histograms

TONES = ("muted", "trace", "metal", "success", "changed", "warning")
PLOT_PX = 104
HEADINGS = (translatable("Image"), translatable("Mean"), translatable("Change"), translatable("SD"))


class RegionDetails(QWidget):
    """A table and a histogram plot for the selected region; hidden for other measurements."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[tuple[str, str, str, str]] = []
        self._table = QGridLayout()
        self._table.setHorizontalSpacing(10)
        self._table.setVerticalSpacing(2)
        self._table.setColumnStretch(0, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._table)
        self.hide()

    @cached_property
    def plot(self) -> Any:
        """Return the histogram plot, created on first use."""
        plot = new_plot()
        plot.setFixedHeight(PLOT_PX)
        plot.setLabel("bottom", "HU")
        plot.setAccessibleName(tr("Histogram of the region"))
        self._column.addWidget(plot)
        return plot

    def show_region(self, measure: Measure | None, pictures: Mapping[str, Picture]) -> None:
        """Show a region's statistics in each image, original first; hide them for other measurements."""
        inside = {}
        if measure is not None and measure.kind in REGIONS:
            samples = {title: picture.values[measure.pixels(picture)] for title, picture in pictures.items()}
            inside = {title: sample for title, sample in samples.items() if sample.size}
        self.setVisible(bool(inside))
        self.rows = []
        if not inside:
            return
        self.plot.clear()
        first = float(next(iter(inside.values())).mean())
        for at, (title, sample) in enumerate(inside.items()):
            mean = float(sample.mean())
            change = "" if at == 0 else f"{mean - first:+.1f}"
            spread = f"{float(sample.std(ddof=1)):.1f}" if sample.size > 1 else ""
            self.rows.append((image_words(title), f"{mean:.1f}", change, spread))
        self._fill_table()
        edges, counts = histograms(list(inside.values()))
        for at, (title, count) in enumerate(zip(inside, counts, strict=True)):
            style = Qt.PenStyle.DashLine if at == 0 else Qt.PenStyle.SolidLine
            pen = pg.mkPen(colour(TONES[at % len(TONES)]), width=1.6, style=style)
            self.plot.plot(edges, count, stepMode="center", pen=pen, name=title)

    def _fill_table(self) -> None:
        while (item := self._table.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for column, heading in enumerate(HEADINGS):
            self._put(Label(tr(heading)), 0, column, "muted")
        for at, row in enumerate(self.rows):
            for column, text in enumerate(row):
                cell = ElidedLabel() if column == 0 else Label()
                cell.setText(text)
                self._put(cell, at + 1, column, TONES[at % len(TONES)] if column == 0 else "text")

    def _put(self, cell: Label | ElidedLabel, row: int, column: int, tone: str) -> None:
        cell.setStyleSheet(f"color: {colour(tone).name()};")
        side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
        cell.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self._table.addWidget(cell, row, column)
