"""The profile window: HU along a measured line in the original and the results."""

import html
from functools import cached_property
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from marview.gui.palette import colour
from marview.gui.plot import new_plot
from marview.session.measure_files import image_words
from marview.session.measurement import Kind, Measure
from marview.session.session import Session
from marview.text import tr

TONES = ("muted", "trace", "metal", "success", "changed", "warning")


class ProfileWindow(QDialog):
    """Window that plots the latest profile; it opens when a profile is drawn and follows its changes."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle(tr("Profile"))
        self._column = QVBoxLayout(self)
        self.resize(560, 320)
        self.shown: dict[str, Measure] = {}
        self._last = 0
        session.measures.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)

    @cached_property
    def plot(self) -> Any:
        """Return the plot, created on first use."""
        plot = new_plot()
        plot.setLabel("left", "HU")
        plot.setLabel("bottom", tr("mm along the line"))
        plot.addLegend(offset=(-10, 10))
        self._column.addWidget(plot)
        return plot

    def refresh(self) -> None:
        """Plot the latest profile; open the window if the profile is new."""
        lines = [one for one in self._session.measures.listed if one.kind is Kind.PROFILE]
        if not lines:
            self._last = 0
            self.hide()
            return
        measure = lines[-1]
        if measure.number != self._last:
            self._last = measure.number
            self.show()
        self.plot.clear()
        self.shown = {}
        pictures = self._session.measures.pictures(measure)
        for at, (title, picture) in enumerate(pictures.items()):
            found = measure.profile(picture)
            style = Qt.PenStyle.DashLine if at == 0 else Qt.PenStyle.SolidLine
            pen = pg.mkPen(colour(TONES[at % len(TONES)]), width=1.8, style=style)
            name = html.escape(image_words(title), quote=False)  # the legend shows HTML
            self.plot.plot(found.distance_mm, found.hu, pen=pen, name=name, antialias=True)
            self.shown[title] = measure
