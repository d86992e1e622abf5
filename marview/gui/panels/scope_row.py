"""Selection of slices for the next run."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from marview.gui.label import Label
from marview.gui.panels.section import set_up
from marview.session.run_scope import Reach, RunScope
from marview.session.session import Session
from marview.text import tr, translatable

TITLES = {
    Reach.METAL: translatable("Slices with metal"),
    Reach.SLICE: translatable("This slice"),
    Reach.RANGE: translatable("Slices …"),
    Reach.ALL: translatable("All slices"),
}


class ScopeRow(QWidget):
    """Row for choosing slices, with two slice numbers for a range."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.reach = QComboBox()
        self.reach.setAccessibleName(tr("Slices of the run"))
        for reach, title in TITLES.items():
            self.reach.addItem(tr(title), reach)
        self.first, self.last = QSpinBox(), QSpinBox()
        self.to = Label(tr("to"))
        for box, name in ((self.first, tr("First slice of the run")), (self.last, tr("Last slice of the run"))):
            set_up(box, 76)
            box.setAccessibleName(name)
            box.setMinimum(1)
            box.valueChanged.connect(self._take)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.reach, 1)
        for widget in (self.first, self.to, self.last):
            row.addWidget(widget)
        self.reach.activated.connect(self._choose)
        self.refresh()

    def refresh(self) -> None:
        """Show the scope, limited to the slices of the series in view."""
        scope, count = self._session.reductions.scope, max(1, self._session.view.display.slice_count)
        with QSignalBlocker(self.reach), QSignalBlocker(self.first), QSignalBlocker(self.last):
            self.reach.setCurrentIndex(self.reach.findData(scope.reach))
            for box, value in ((self.first, scope.first), (self.last, scope.last)):
                box.setMaximum(count)
                box.setValue(value)
        for widget in (self.first, self.to, self.last):
            widget.setVisible(scope.reach is Reach.RANGE)

    def _choose(self) -> None:
        """Apply the choice; a new range covers the slices with metal."""
        session, reach = self._session, Reach(self.reach.currentData())
        numbers = [session.view.display.numbers.number(int(z)) for z in session.metal.slices] or [1]
        session.reductions.scope = RunScope(reach, min(numbers), max(numbers))
        self.refresh()

    def _take(self) -> None:
        self._session.reductions.scope = RunScope(Reach.RANGE, self.first.value(), self.last.value())
