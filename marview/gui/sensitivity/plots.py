"""Plots of a sweep: measures against the margin, and profiles along the line."""

import html
import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from marview.gui.elided_label import ElidedLabel
from marview.gui.label import Label, tooltip
from marview.gui.palette import colour
from marview.gui.panes.segmented import Segmented
from marview.gui.plot import new_plot
from marview.gui.sensitivity import colours
from marview.session.display import Display
from marview.session.session import Session
from marview.session.swept import ORIGINAL
from marview.text import tr, translatable

if TYPE_CHECKING:
    from marview.mar.sweep_measures import Row

MEASURES: "dict[str, tuple[str, str, Callable[[Row], float]]]" = {
    "mean": (translatable("Mean"), translatable("Mean, HU"), lambda row: row.mean_hu),
    "deviation": (translatable("SD"), translatable("SD, HU"), lambda row: row.deviation_hu),
    "streak": (translatable("Streaks"), translatable("Streak index"), lambda row: row.streak_index),
    "rmse": (translatable("RMSE"), translatable("RMSE, HU"), lambda row: row.rmse_hu),
}

MOST_STRETCH = 2.5


class CurvePlot(QWidget):
    """Plot of a measure against the margin, one curve per method and threshold; clicking a point shows its variant."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.measure = "deviation"
        self.measures = Segmented({name: tr(title) for name, (title, _, _) in MEASURES.items()})
        self.measures.choose(self.measure)
        self.measures.chosen.connect(self.show_measure)
        self.where = ElidedLabel()
        self.where.setObjectName("muted")
        self.around = QPushButton(tr("Around metal"))
        self.around.setObjectName("link")
        self.around.setToolTip(tr("Measure in the soft tissue within 20 pixels of the metal, not in the region"))
        self.around.clicked.connect(session.sensitivity.drop_region)
        self.key = Label()
        self.key.setTextFormat(Qt.TextFormat.RichText)  # coloured dots; text from elsewhere is escaped
        self.key.setObjectName("muted")
        self.key.setContentsMargins(14, 0, 8, 0)
        self.key.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.lines: dict[str, Any] = {}
        self._column = _column(self)
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 0)
        row.addWidget(self.measures)
        row.addWidget(self.where, 1)
        row.addWidget(self.around)
        self._column.addLayout(row)
        self._column.addWidget(self.key)
        sensitivity = session.sensitivity
        for event in (sensitivity.found, sensitivity.marked, sensitivity.chosen):
            event.connect(self.refresh)
        sensitivity.found.connect(self._offer)
        self.refresh()

    @cached_property
    def plot(self) -> Any:
        """Return the plot, created on first use."""
        plot = new_plot()
        self._column.addWidget(plot, 1)
        return plot

    def show_measure(self, name: str) -> None:
        """Plot another measure."""
        self.measure = name
        self.measures.choose(name)
        self.refresh()

    def refresh(self) -> None:
        """Redraw the whole plot."""
        sensitivity = self._session.sensitivity
        swept, region = sensitivity.swept, sensitivity.region
        if self.lines:
            self.plot.clear()
            self.lines.clear()
        is_region = region is not None and swept is not None and region.slice_index in swept.result.slices
        self.around.setVisible(is_region)
        is_local = self.measure in {"mean", "deviation"}
        words = tr("in tissue within 20 px of metal")
        if is_region and region is not None:
            words = tr("in the region, slice {}").format(self._session.view.display.numbers.number(region.slice_index))
        remarks = [f"{row.variant.label} {row.remark}" for row in sensitivity.rows if row.remark]
        said = [words] if swept is not None and is_local else []
        self.where.setText("; ".join([*said, *dict.fromkeys(remarks)]))
        self.where.setToolTip(tooltip(self.where.text()))
        if swept is None:
            return
        _, axis, value = MEASURES[self.measure]
        unit = next((row.variant.unit for row in sensitivity.rows if row.variant.method), "mm")
        self.plot.setLabel("left", tr(axis))
        self.plot.setLabel("bottom", tr("margin of the mask, {}").format(unit))
        level = value(sensitivity.rows[0])
        if math.isfinite(level):
            pen = pg.mkPen(colour("muted"), width=1.2, style=Qt.PenStyle.DashLine)
            self.lines[ORIGINAL] = pg.InfiniteLine(level, angle=0, pen=pen)
            self.plot.addItem(self.lines[ORIGINAL])
        groups: dict[tuple[str, float | None], list[Row]] = {}
        for row in sensitivity.rows:
            if row.variant.method and math.isfinite(value(row)):
                groups.setdefault((row.variant.method, row.variant.threshold_hu), []).append(row)
        tones = colours.of_methods(swept.result)
        keys = []
        for (method, threshold), rows in groups.items():
            rows.sort(key=lambda row: row.variant.margin)
            title = swept.titles.get(method, method) + ("" if threshold is None else f" > {threshold:g} HU")
            style = colours.STYLES[sorted({t or 0 for _, t in groups}).index(threshold or 0) % len(colours.STYLES)]
            x, y = [row.variant.margin for row in rows], [value(row) for row in rows]
            names = [row.variant.name for row in rows]
            pen = pg.mkPen(tones[method], width=2, style=style)
            self.lines[f"{method} {threshold}"] = self.plot.plot(x, y, pen=pen)
            keys.append(f'<span style="color:{tones[method].name()}">●</span>&nbsp;{html.escape(title)}')
            dots = pg.ScatterPlotItem(
                x,
                y,
                data=names,
                size=[12 if name == sensitivity.variant else 8 for name in names],
                brush=tones[method],
                pen=[
                    pg.mkPen(colour("text"), width=1.6) if name == sensitivity.variant else pg.mkPen(None)
                    for name in names
                ],
                tip=None,
            )
            dots.sigClicked.connect(self._click)
            self.plot.addItem(dots)
        if math.isfinite(level):
            keys.append(tr("– –&nbsp;uncorrected {:.4g}").format(level))
        self.key.setText("&nbsp;&nbsp; ".join(keys))
        self._fit([row for rows in groups.values() for row in rows], value, level)

    def _fit(self, rows: "list[Row]", value: "Callable[[Row], float]", level: float) -> None:
        """Fit the axis to the variants; include the uncorrected level if they stay distinguishable."""
        if not rows:
            return
        values, margins = [value(row) for row in rows], [row.variant.margin for row in rows]
        low, high = min(values), max(values)
        if math.isfinite(level) and max(high, level) - min(low, level) <= MOST_STRETCH * (high - low):
            low, high = min(low, level), max(high, level)
        room = 0.12 * (high - low) or max(1.0, abs(high) * 0.1)
        self.plot.setYRange(low - room, high + room, padding=0)
        self.plot.setXRange(min(margins), max(margins), padding=0.06)

    def _click(self, _line: object, points: Any, _event: object = None) -> None:
        if len(points):
            self._session.sensitivity.choose(points[0].data())

    def _offer(self) -> None:
        """Offer the error as a measure only if the ground truth is known."""
        swept = self._session.sensitivity.swept
        has_truth = swept is not None and swept.result.truth_hu is not None
        self.measures.enable("rmse", is_possible=has_truth)
        if not has_truth and self.measure == "rmse":
            self.show_measure("deviation")


class ProfilePlot(QWidget):
    """Plot of the HU profile along the line for each variant, coloured by margin; the displayed variant is bold."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.hint = ElidedLabel()
        self.hint.setObjectName("muted")
        self.lines: dict[str, Any] = {}
        self._column = _column(self)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 8, 0)
        row.addWidget(self.hint, 1)
        self._column.addLayout(row)
        sensitivity = session.sensitivity
        for event in (sensitivity.found, sensitivity.marked, sensitivity.chosen):
            event.connect(self.refresh)
        session.view.changed.connect(self._follow)
        self.refresh()

    @cached_property
    def plot(self) -> Any:
        """Return the plot, created on first use."""
        plot = new_plot()
        plot.setLabel("left", "HU")
        plot.setLabel("bottom", tr("mm along the line"))
        self._column.addWidget(plot, 1)
        return plot

    def showEvent(self, event: QShowEvent) -> None:
        """Redraw the plot, because it is not updated while hidden."""
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Redraw the whole plot."""
        sensitivity, display = self._session.sensitivity, self._session.view.display
        if self.lines:
            self.plot.clear()
            self.lines.clear()
        swept = sensitivity.swept
        if swept is None or not self.isVisible():
            return
        plot = self.plot
        tones, styles = colours.of_variants(swept.result), colours.styles(swept.result)
        method_of = {one.name: one.method for one in swept.result.variants}
        profiles = sensitivity.profiles(display.slice_index)
        words = tr("Colour by margin; dashed: uncorrected")
        if "truth" in profiles:
            words += tr(", dotted: truth")
        if len(swept.result.methods) > 1:
            words += tr("; solid: {}").format(swept.titles.get(swept.result.methods[0], swept.result.methods[0]))
        self.hint.setText(words if profiles else tr("The sweep does not include this slice."))
        for name, profile in profiles.items():
            is_chosen = name == sensitivity.variant
            if name == ORIGINAL:
                pen = pg.mkPen(colour("muted"), width=2.2 if is_chosen else 1.2, style=Qt.PenStyle.DashLine)
            elif name == "truth":
                pen = pg.mkPen(colour("text"), width=1.3, style=Qt.PenStyle.DotLine)
            else:
                tone = tones[name]
                tone.setAlpha(255 if is_chosen else 165)
                pen = pg.mkPen(tone, width=2.8 if is_chosen else 1.1, style=styles[method_of[name]])
            line = plot.plot(profile.distance_mm, profile.hu, pen=pen, antialias=True)
            line.setZValue(2 if is_chosen else 1)
            self.lines[name] = line
        self._fit(display)

    def _fit(self, display: Display) -> None:
        """Fit the axis to twice the HU window, so that metal does not flatten the rest."""
        known = [line.getData() for line in self.lines.values()]
        if not known:
            return
        low = min(float(y.min()) for _, y in known)
        high = max(float(y.max()) for _, y in known)
        window = display.window
        bottom, top = window.level_hu - window.width_hu, window.level_hu + window.width_hu
        self.plot.setYRange(max(low, bottom), max(min(high, top), max(low, bottom) + 1), padding=0.04)
        self.plot.setXRange(0, max(float(x[-1]) for x, _ in known), padding=0.01)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if names & {"slice_index", "layout", "maximised"}:
            self.refresh()
        elif "window" in names:
            self._fit(display)


def _column(owner: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(owner)
    column.setContentsMargins(0, 6, 0, 0)
    column.setSpacing(4)
    return column
