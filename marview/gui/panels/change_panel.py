"""Controls for changing the whole mask: amount, scope and operation."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QHBoxLayout, QPushButton, QWidget

from marview.gui.actions import Actions
from marview.gui.panels.folding import FoldingSection
from marview.gui.panels.section import labelled, set_up
from marview.session.session import Session
from marview.session.tools import Scope, ToolSettings, Unit
from marview.text import tr, translatable

SCOPES = {
    Scope.VOLUME: translatable("Whole mask, in 3D"),
    Scope.SLICES: translatable("Slice by slice"),
    Scope.SLICE: translatable("This slice"),
}
UNITS = {Unit.MM: "mm", Unit.PIXELS: translatable("pixels")}
BUTTONS = (
    ("grow_mask", translatable("Grow")),
    ("shrink_mask", translatable("Shrink")),
    ("smooth_mask", translatable("Smooth")),
    ("fill_holes", translatable("Fill holes")),
    ("interpolate", translatable("Interpolate")),
    ("copy_next", translatable("Copy to next")),
)


class ChangePanel(FoldingSection):
    """Buttons that change the mask; each click is one undo step."""

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("Change the whole mask"), parent)
        self._session = session
        self.amount = QDoubleSpinBox()
        self.amount.setRange(0.5, 20.0)
        self.amount.setSingleStep(0.5)
        self.amount.setDecimals(1)
        self.amount.setAccessibleName(tr("Amount of the change"))
        set_up(self.amount, 76)
        self.unit, self.scope = QComboBox(), QComboBox()
        for unit, title in UNITS.items():
            self.unit.addItem(tr(title), unit)
        for scope, title in SCOPES.items():
            self.scope.addItem(tr(title), scope)
        self.unit.setAccessibleName(tr("Unit"))
        both = QWidget()
        across = QHBoxLayout(both)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(self.amount)
        across.addWidget(self.unit)
        self.column.addLayout(labelled(tr("By"), both))
        self.column.addLayout(labelled(tr("On"), self.scope))
        grid = QGridLayout()
        grid.setSpacing(6)
        self.buttons: dict[str, QPushButton] = {}
        for at, (name, title) in enumerate(BUTTONS):
            button = self.buttons[name] = QPushButton(tr(title))
            button.setObjectName("small")
            button.setToolTip(actions[name].toolTip())
            _tie(button, actions[name])
            grid.addWidget(button, at // 2, at % 2)
        self.column.addLayout(grid)
        tools = session.tools
        self.amount.valueChanged.connect(lambda value: tools.update(amount=float(value)))
        self.unit.activated.connect(lambda at: tools.update(unit=Unit(self.unit.itemData(at))))
        self.scope.activated.connect(lambda at: tools.update(scope=Scope(self.scope.itemData(at))))
        tools.changed.connect(self._follow)
        self._follow(tools.settings)

    def _follow(self, settings: ToolSettings, _names: object = None) -> None:
        with QSignalBlocker(self.amount), QSignalBlocker(self.unit), QSignalBlocker(self.scope):
            self.amount.setValue(settings.amount)
            self.unit.setCurrentIndex(self.unit.findData(settings.unit))
            self.scope.setCurrentIndex(self.scope.findData(settings.scope))


def _tie(button: QPushButton, action: QAction) -> None:
    """Make a button trigger an action and share its enabled state."""
    button.clicked.connect(action.trigger)
    action.enabledChanged.connect(button.setEnabled)
    button.setEnabled(action.isEnabled())
