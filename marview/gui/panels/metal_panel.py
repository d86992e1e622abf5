"""The metal mask: found by itself or by threshold, grown by a margin, and what it holds."""

import math

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QPushButton, QSlider, QSpinBox, QWidget

from marview.gui.icons import icon
from marview.gui.panels.section import Section, labelled, set_up
from marview.gui.text import tr
from marview.session.session import Session

LOWEST_HU, HIGHEST_HU, STEP_HU = 300, 8000, 20
SETTLE_MS = 40
FIELD_PX = 112


class MetalPanel(Section):
    """Sets the recipe of the session's mask; what the slider shows is always the mask in use."""

    def __init__(self, session: Session, find: QAction, parent: QWidget | None = None) -> None:
        super().__init__(tr("Metal"), parent)
        self._session = session
        self.finder = QPushButton(icon("adaptive"), tr("Find metal"))
        self.finder.setToolTip(tr("Find the metal of the whole series by itself  (Ctrl+M)"))
        self.finder.clicked.connect(find.trigger)
        self.threshold = QSpinBox()
        self.threshold.setRange(LOWEST_HU, 32000)
        self.threshold.setSingleStep(STEP_HU)
        self.threshold.setSuffix(" HU")
        set_up(self.threshold, FIELD_PX)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LOWEST_HU, HIGHEST_HU)
        self.slider.setPageStep(100)
        self.slider.setAccessibleName(tr("Threshold"))
        self.margin = QDoubleSpinBox()
        self.margin.setRange(-5.0, 10.0)
        self.margin.setSingleStep(0.5)
        self.margin.setDecimals(1)
        self.margin.setSuffix(" mm")
        set_up(self.margin, FIELD_PX)
        self.margin.setToolTip(tr("Grow (+) or shrink (−) what was found"))
        self.summary = QLabel()
        self.summary.setObjectName("muted")
        self.summary.setWordWrap(True)
        self.notes = QLabel()
        self.notes.setObjectName("warning")
        self.notes.setWordWrap(True)
        self.header.addWidget(self.finder)
        self.body.addLayout(labelled(tr("Threshold"), self.threshold))
        self.body.addWidget(self.slider)
        self.body.addLayout(labelled(tr("Margin"), self.margin))
        self.body.addWidget(self.summary)
        self.body.addWidget(self.notes)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(lambda: session.metal.set_threshold(float(self.threshold.value())))
        self.threshold.valueChanged.connect(self._set_threshold)
        self.slider.valueChanged.connect(self.threshold.setValue)
        self.margin.valueChanged.connect(lambda value: session.metal.set_margin(float(value)))
        session.metal.changed.connect(self.refresh)
        session.metal.busy.connect(self._say)
        session.library.finished.connect(lambda _loaded: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Show the mask in use."""
        metal, loaded = self._session.metal, self._session.loaded
        self.setEnabled(loaded is not None and loaded.report.is_volume)
        if not math.isnan(metal.found_threshold_hu) and not self._settle.isActive():
            self._show_threshold(round(metal.found_threshold_hu))
        with QSignalBlocker(self.margin):
            self.margin.setValue(metal.recipe.margin_mm)
        self.notes.setText(" ".join(metal.notes))
        self.notes.setVisible(bool(metal.notes))
        self._say()

    def _say(self) -> None:
        metal, loaded = self._session.metal, self._session.loaded
        if loaded is None:
            self.summary.setText(tr("Open a study to mark its metal."))
        elif metal.is_busy:
            self.summary.setText(tr("Looking for metal …"))
        elif not metal.is_present:
            self.summary.setText(tr("No metal is marked."))
        else:
            millilitres = float(metal.counts.sum() * np.prod(loaded.volume.grid.spacing_mm)) / 1000
            found = tr("found by itself") if metal.recipe.threshold_hu is None else tr("by threshold")
            slices = len(metal.slices)
            words = tr("{} slice") if slices == 1 else tr("{} slices")
            self.summary.setText(f"{words.format(slices)} · {millilitres:.2f} ml · {found}")

    def _set_threshold(self, value: int) -> None:
        self._show_threshold(value)
        self._settle.start()

    def _show_threshold(self, value: int) -> None:
        with QSignalBlocker(self.threshold), QSignalBlocker(self.slider):
            self.threshold.setValue(value)
            self.slider.setValue(value)
