"""The metal panel: source, threshold and margin of the mask, and a summary of the mask."""

import math

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QPushButton, QSlider, QSpinBox, QWidget

from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.gui.notes_fold import NotesFold
from marview.gui.panels.section import Section, labelled, set_up
from marview.session.metal import Source
from marview.session.session import Session
from marview.session.tools import Tool
from marview.text import count, tr, translatable
from marview.told import told
from marview.volume.margin import shrunk_notes

LOWEST_HU, HIGHEST_HU, STEP_HU = 300, 8000, 20
SETTLE_MS = 40
FIELD_PX = 112
SOURCES = {
    Source.ADAPTIVE: translatable("Adaptive"),
    Source.THRESHOLD: translatable("Threshold"),
    Source.K_MEANS: translatable("k-means, densest class"),
    Source.GROWING: translatable("Grown from clicks"),
}
FOUND = {
    Source.ADAPTIVE: translatable("found automatically"),
    Source.THRESHOLD: translatable("by threshold"),
    Source.K_MEANS: translatable("by k-means"),
    Source.GROWING: translatable("grown from clicks"),
    Source.HAND: translatable("edited by hand"),
}


class MetalPanel(Section):
    """Panel for choosing how to find metal, with a summary of the current mask."""

    def __init__(self, session: Session, find: QAction, parent: QWidget | None = None) -> None:
        super().__init__(tr("Metal"), parent)
        self._session = session
        self.finder = QPushButton(icon("adaptive"), tr("Find metal"))
        self.finder.setToolTip(tr("Find the metal of the whole series automatically  (Ctrl+M)"))
        self.finder.clicked.connect(find.trigger)
        self.source = QComboBox()
        for source, title in SOURCES.items():
            self.source.addItem(tr(title), source)
        self.source.setAccessibleName(tr("Source of the metal mask"))
        self.source.setPlaceholderText(tr("Edited by hand"))
        self.threshold = QSpinBox()
        self.threshold.setRange(LOWEST_HU, 32000)
        self.threshold.setSingleStep(STEP_HU)
        self.threshold.setSuffix(" HU")
        set_up(self.threshold, FIELD_PX)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LOWEST_HU, HIGHEST_HU)
        self.slider.setPageStep(100)
        self.slider.setAccessibleName(tr("Threshold"))
        self.classes = QSpinBox()
        self.classes.setRange(2, 12)
        self.classes.setToolTip(tr("Number of HU classes for k-means; the densest class is metal"))
        set_up(self.classes, FIELD_PX)
        self.lowest = QSpinBox()
        self.lowest.setRange(0, 32000)
        self.lowest.setSingleStep(100)
        self.lowest.setSuffix(" HU")
        self.lowest.setSpecialValueText(tr("half of the peak"))
        set_up(self.lowest, FIELD_PX + 30)
        self.hint = Label(tr("Click on metal in the original; each click adds a piece."))
        self.hint.setObjectName("muted")
        self.hint.setWordWrap(True)
        self.in_slices = QCheckBox(tr("Slice by slice"))
        self.margin = _length(-5.0, 10.0, 0.5)
        self.margin.setToolTip(tr("Grow (+) or shrink (−) the metal found"))
        self.shrunk = Label()
        self.shrunk.setObjectName("warning")
        self.shrunk.setWordWrap(True)
        self.smallest = _length(0.0, 10_000.0, 1.0)
        self.smallest.setSuffix(" mm³")
        self.smallest.setSpecialValueText(tr("any size"))
        self.smallest.setToolTip(tr("Pieces of metal smaller than this are removed"))
        self.unbox = QPushButton(tr("Remove box"))
        self.summary, self.trace, self.notes = Label(), Label(), NotesFold(tone="warning", shows_one=True)
        for label in (self.summary, self.trace):
            label.setObjectName("muted")
            label.setWordWrap(True)
        self.header.addWidget(self.finder)
        self.body.addWidget(self.source)
        self._rows = {
            name: self._row(title, field)
            for name, title, field in (
                ("threshold", tr("Threshold"), self.threshold),
                ("classes", tr("Classes"), self.classes),
                ("lowest", tr("At least"), self.lowest),
            )
        }
        self.body.insertWidget(3, self.slider)
        self.body.addWidget(self.hint)
        self.body.addWidget(self.in_slices)
        self.body.addLayout(labelled(tr("Margin"), self.margin))
        self.body.addWidget(self.shrunk)
        self.body.addLayout(labelled(tr("Smallest piece"), self.smallest))
        for widget in (self.unbox, self.summary, self.trace, self.notes):
            self.body.addWidget(widget)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        metal = session.metal
        self._settle.timeout.connect(lambda: metal.set_threshold(float(self.threshold.value())))
        self.source.activated.connect(self._choose)
        self.threshold.valueChanged.connect(self._set_threshold)
        self.slider.valueChanged.connect(self.threshold.setValue)
        self.classes.valueChanged.connect(lambda value: metal.choose(source=Source.K_MEANS, classes=value))
        self.lowest.valueChanged.connect(lambda value: metal.choose(threshold_hu=float(value) or None))
        self.in_slices.toggled.connect(lambda is_on: metal.choose(in_slices=bool(is_on)))
        self.margin.valueChanged.connect(lambda value: metal.set_margin(float(value)))
        self.smallest.valueChanged.connect(lambda value: metal.choose(smallest_mm3=float(value)))
        self.unbox.clicked.connect(lambda: metal.choose(box=None))
        metal.changed.connect(self.refresh)
        metal.busy.connect(self._say)
        session.library.finished.connect(lambda _loaded: self.refresh())
        session.traces.surveyed.connect(self._say_trace)
        session.view.changed.connect(lambda _d, names: self._say_trace() if "slice_index" in names else None)
        self.refresh()

    def refresh(self) -> None:
        """Update the panel from the current mask."""
        metal, loaded = self._session.metal, self._session.loaded
        self.setEnabled(loaded is not None and loaded.report.is_volume)
        if not math.isnan(metal.found_threshold_hu) and not self._settle.isActive():
            self._show_threshold(round(metal.found_threshold_hu))
        asked = metal.asked
        fields = (self.source, self.classes, self.lowest, self.in_slices, self.margin, self.smallest)
        blockers = [QSignalBlocker(field) for field in fields]
        self.source.setCurrentIndex(self.source.findData(asked.source))
        self.classes.setValue(asked.classes)
        self.lowest.setValue(round(asked.threshold_hu or 0) if asked.source is Source.GROWING else 0)
        self.in_slices.setChecked(asked.in_slices)
        self.margin.setValue(metal.recipe.margin_mm)
        self.smallest.setValue(metal.recipe.smallest_mm3)
        del blockers
        # unknown until metal is found, and for a mask restored after a crash
        is_known = not math.isnan(metal.found_threshold_hu)
        is_threshold = asked.source is Source.THRESHOLD or (is_known and asked.source in {Source.ADAPTIVE, Source.HAND})
        self._rows["threshold"].setVisible(is_threshold)
        self.slider.setVisible(is_threshold)
        self._rows["classes"].setVisible(asked.source is Source.K_MEANS)
        self._rows["lowest"].setVisible(asked.source is Source.GROWING)
        self.hint.setVisible(asked.source is Source.GROWING)
        self.in_slices.setVisible(asked.source not in {Source.THRESHOLD, Source.HAND})
        self.unbox.setVisible(metal.recipe.box is not None)
        self.notes.show_notes(metal.notes)
        self._warn_about_margin()
        self._say()
        self._say_trace()

    def _warn_about_margin(self) -> None:
        """Show a warning if the margin shrinks the mask; a margin below the distance of voxels changes nothing."""
        loaded, margin_mm = self._session.loaded, self._session.metal.recipe.margin_mm
        is_shrunk = loaded is not None and -margin_mm >= min(loaded.volume.grid.stack_mm)
        self.shrunk.setText(told(" ".join(shrunk_notes(margin_mm))))
        self.shrunk.setVisible(is_shrunk)

    def _say(self) -> None:
        metal, loaded = self._session.metal, self._session.loaded
        if loaded is None:
            self.summary.setText(tr("Open a study to mark its metal."))
        elif metal.is_busy:
            self.summary.setText(tr("Looking for metal …"))
        elif not metal.is_present:
            self.summary.setText(tr("No metal is marked."))
        else:
            millilitres = float(metal.counts.sum()) * loaded.volume.grid.voxel_mm3 / 1000
            slices = len(metal.slices)
            found = metal.recipe.words if metal.recipe.is_given else tr(FOUND[metal.recipe.source])
            self.summary.setText(f"{count(slices, 'slice')} · {millilitres:.2f} ml · {found}")
            self.summary.setToolTip(tooltip(metal.recipe.words))

    def _say_trace(self) -> None:
        """Show the coverage of the trace in the slice in view, and the worst slice."""
        traces, here = self._session.traces, self._session.view.display.slice_index
        coverage, worst = traces.coverage.get(here), traces.worst
        counts = self._session.metal.counts
        if coverage is not None and not coverage.fraction and here < len(counts) and counts[here]:
            coverage = None  # computed before this slice had metal
        self.trace.setVisible(coverage is not None)
        if coverage is None:
            return
        words = tr("Trace {:.1%}, widest gap {}").format(coverage.fraction, count(coverage.largest_gap, "bin"))
        if coverage.hidden_views:
            words += tr(", {} hidden").format(count(coverage.hidden_views, "view"))
        if worst is not None and worst[1].fraction:
            words += tr("; worst {:.1%} in slice {}").format(
                worst[1].fraction, self._session.view.display.numbers.number(worst[0])
            )
        self.trace.setText(words)

    def _row(self, title: str, field: QWidget) -> QWidget:
        made = QWidget()
        row = labelled(title, field)
        row.setContentsMargins(0, 0, 0, 0)
        made.setLayout(row)
        self.body.addWidget(made)
        return made

    def _choose(self, at: int) -> None:
        source = Source(self.source.itemData(at))  # Qt returns plain text
        self._session.metal.set_source(source)
        if source is Source.GROWING:
            self._session.tools.update(tool=Tool.GROW)

    def _set_threshold(self, value: int) -> None:
        self._show_threshold(value)
        self._settle.start()

    def _show_threshold(self, value: int) -> None:
        with QSignalBlocker(self.threshold), QSignalBlocker(self.slider):
            self.threshold.setValue(value)
            self.slider.setValue(value)


def _length(lowest: float, highest: float, step: float) -> QDoubleSpinBox:
    made = QDoubleSpinBox()
    made.setRange(lowest, highest)
    made.setSingleStep(step)
    made.setDecimals(1)
    made.setSuffix(" mm")
    set_up(made, FIELD_PX)
    return made
