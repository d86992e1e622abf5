"""The controls and the progress display of a sweep."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from marview.errors import UsageError
from marview.gui.elided_label import ElidedLabel
from marview.gui.icons import icon
from marview.gui.label import Label
from marview.gui.method_ticks import MethodTicks
from marview.gui.panels.section import set_up
from marview.gui.panes.segmented import Segmented
from marview.session.job import State
from marview.session.sensitivity_choice import SweepChoice, numbers
from marview.session.session import Session
from marview.text import tr

HERE, ALL, SOME = range(3)
STEPS = 1000


class SweepBar(QWidget):
    """Two-row bar with methods, margins, thresholds, slices, a start or cancel button, and the progress."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.methods = MethodTicks(session.methods, tr("Methods to sweep"))
        self.setFocusProxy(self.methods)
        self.margins = QLineEdit("-1, 0, 1, 2")
        self.margins.setToolTip(tr("Margins separated by commas: + grows the mask, - shrinks it"))
        self.units = Segmented({"mm": "mm", "px": "px"})
        self.units.choose("mm")
        self.unit = "mm"
        self.units.chosen.connect(self._take_unit)
        self.units.setToolTip(tr("mm in space, or pixels within the slice"))
        self.thresholds = QLineEdit()
        self.thresholds.setPlaceholderText(tr("mask in use"))
        self.thresholds.setToolTip(tr("Thresholds in HU, separated by commas: one mask each. Empty: the current mask"))
        self.slices = QComboBox()
        self.slices.addItems([tr("Slice in view"), tr("All with metal"), tr("From … to …")])
        self.slices.activated.connect(lambda _at: self._follow())
        self.first, self.last = QSpinBox(), QSpinBox()
        for box, name in ((self.first, tr("First slice")), (self.last, tr("Last slice"))):
            set_up(box, 74)
            box.setAccessibleName(name)
        self.button = QPushButton(icon("reduce", "accent_text"), tr("Sweep"))
        self.button.setObjectName("primarySmall")
        self.button.clicked.connect(self.start)
        self.cancel = QPushButton(icon("cancel"), tr("Cancel"))
        self.cancel.clicked.connect(session.sensitivity.cancel)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress of the sweep"))
        self.text = ElidedLabel()
        self.text.setObjectName("muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(_row((tr("Methods"), self.methods, 0), (tr("Margins"), self.margins, 3), ("", self.units, 0)))
        second = _row((tr("Thresholds, HU"), self.thresholds, 2), (tr("Slices"), self.slices, 0), ("", self.first, 0))
        second.addWidget(self.last)
        second.addWidget(self.button)
        second.addWidget(self.cancel)
        column.addLayout(second)
        self.progress = QWidget()
        last = QHBoxLayout(self.progress)
        last.setContentsMargins(0, 0, 0, 0)
        last.setSpacing(10)
        last.addWidget(self.bar, 3)
        last.addWidget(self.text, 2)
        column.addWidget(self.progress)
        session.sensitivity.changed.connect(self._follow)
        session.runs.changed.connect(self._follow)
        session.metal.changed.connect(self._follow)
        session.library.started.connect(self._restart)
        session.library.finished.connect(self._follow)
        self._follow()

    def start(self) -> None:
        """Start the sweep, or report which input field is invalid."""
        view = self._session.view.display
        try:
            chosen = view.numbers.span(self.first.value(), self.last.value())
            slices = {HERE: (view.slice_index, view.slice_index), SOME: (chosen.start, chosen.stop - 1)}
            choice = SweepChoice(
                self.methods.chosen,
                numbers(self.margins.text(), tr("margins")),
                "px" if self.unit == "px" else "mm",
                numbers(self.thresholds.text(), tr("thresholds")),
                slices.get(self.slices.currentIndex()),
            )
        except UsageError as refusal:
            self._session.messages.error(str(refusal))
            return
        self._session.sweep(choice)

    def _take_unit(self, unit: str) -> None:
        self.unit = unit

    def _restart(self, *_: object) -> None:
        count = self._session.view.display.slice_count
        for box, value in ((self.first, 1), (self.last, count)):
            box.setRange(1, max(1, count))
            box.setValue(value)
        self._follow()

    def _follow(self, *_: object) -> None:
        """Show the state of the job."""
        session = self._session
        job, is_running = session.sensitivity.job, session.sensitivity.is_running
        is_range = self.slices.currentIndex() == SOME
        self.first.setVisible(is_range)
        self.last.setVisible(is_range)
        self.button.setVisible(not is_running)
        self.button.setEnabled(not session.refusal and not session.runs.is_running)
        self.cancel.setVisible(is_running)
        self.bar.setVisible(is_running)
        self.progress.setVisible(is_running or (session.loaded is not None and bool(session.refusal)))
        for field in (self.methods, self.margins, self.units, self.thresholds, self.slices, self.first, self.last):
            field.setEnabled(not is_running)
        if job is None or not is_running:
            self.text.setText(session.refusal if session.loaded is not None else "")
            return
        is_ending = job.state is State.CANCELLING
        self.cancel.setEnabled(not is_ending)
        self.bar.setRange(0, STEPS if job.fraction else 0)
        self.bar.setValue(round(job.fraction * STEPS))
        self.text.setText(tr("Stopping …") if is_ending else job.text or tr("Starting …"))


def _row(*fields: tuple[str, QWidget, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for title, widget, stretch in fields:
        if title:
            label = Label(title)
            label.setObjectName("muted")
            label.setBuddy(widget)
            widget.setAccessibleName(widget.accessibleName() or title)
            row.addWidget(label)
        row.addWidget(widget, stretch)
    return row
