"""The mask tools and the settings of the selected tool."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from marview.gui.actions import Actions
from marview.gui.label import Label
from marview.gui.panels.section import Section, labelled, set_up
from marview.gui.panes.segmented import Segmented
from marview.session.session import Session
from marview.session.tools import RADII_MM, Tool, ToolSettings
from marview.text import tr, translatable

FIELD_PX = 96
SLIDER_STEPS = 2
HINTS = {
    Tool.NONE: translatable(
        "While a tool is selected, the left button paints in the original; Alt + left drag changes width and level."
    ),
    Tool.POLYGON: translatable(
        "Click the corners of the outline. To close it, double-click or click the first corner. Esc cancels."
    ),
    Tool.FREEHAND: translatable("Draw around the metal."),
    Tool.GROW: translatable("Click on metal to add connected voxels of similar density."),
    Tool.BOX: translatable("Drag a box to keep only the metal inside it, in every slice. Click to remove the box."),
}


class ToolsPanel(Section):
    """A row of tools above the settings of the selected tool."""

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("Mask tools"), parent)
        self._session = session
        row = QHBoxLayout()
        row.setSpacing(2)
        for name in ("brush", "eraser", "freehand", "polygon", "grow", "box"):
            row.addWidget(_button(actions, name))
        row.addStretch(1)
        for name in ("undo", "redo"):
            self.header.addWidget(_button(actions, name))
        self.body.addLayout(row)
        self.hint = Label()
        self.hint.setObjectName("muted")
        self.hint.setWordWrap(True)
        self.body.addWidget(self.hint)
        self.radius = QDoubleSpinBox()
        self.radius.setRange(*RADII_MM)
        self.radius.setDecimals(1)
        self.radius.setSingleStep(0.5)
        self.radius.setSuffix(" mm")
        self.radius.setToolTip(tr("Keys [ and ], or Shift + wheel over the image"))
        set_up(self.radius, FIELD_PX)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, int(20 * SLIDER_STEPS))
        self.slider.setAccessibleName(tr("Brush radius"))
        self.sphere = QCheckBox(tr("Sphere: also paints the neighbouring slices"))
        self.shape = QWidget()
        down = QVBoxLayout(self.shape)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(7)
        down.addLayout(labelled(tr("Radius"), self.radius))
        down.addWidget(self.slider)
        down.addWidget(self.sphere)
        self.body.addWidget(self.shape)
        self.removes = Segmented({"add": tr("Add"), "remove": tr("Remove")})
        self.body.addWidget(self.removes)
        self.is_limited = QCheckBox(tr("Only voxels from … to"))
        self.range = QWidget()
        across = QHBoxLayout(self.range)
        across.setContentsMargins(0, 0, 0, 0)
        self.lowest, self.highest = _hu(tr("Lowest HU")), _hu(tr("Highest HU"))
        across.addWidget(self.lowest)
        across.addWidget(self.highest)
        across.addStretch(1)
        self.body.addWidget(self.is_limited)
        self.body.addWidget(self.range)
        tools = session.tools
        self.radius.valueChanged.connect(lambda value: tools.update(radius_mm=float(value)))
        self.slider.valueChanged.connect(lambda value: tools.update(radius_mm=value / SLIDER_STEPS))
        self.sphere.toggled.connect(lambda is_on: tools.update(is_sphere=bool(is_on)))
        self.removes.chosen.connect(lambda name: tools.update(removes=name == "remove"))
        self.is_limited.toggled.connect(lambda is_on: tools.update(is_limited=bool(is_on)))
        self.lowest.valueChanged.connect(lambda value: tools.update(lowest_hu=int(value)))
        self.highest.valueChanged.connect(lambda value: tools.update(highest_hu=int(value)))
        tools.changed.connect(self._follow)
        session.library.started.connect(self._enable)
        session.library.finished.connect(self._enable)
        self._follow(tools.settings, frozenset())
        self._enable()

    def _enable(self, *_: object) -> None:
        loaded = self._session.loaded
        self.setEnabled(loaded is not None and loaded.report.is_volume)

    def _follow(self, settings: ToolSettings, _names: frozenset[str]) -> None:
        fields = (self.radius, self.slider, self.sphere, self.is_limited, self.lowest, self.highest)
        blockers = [QSignalBlocker(field) for field in fields]
        self.radius.setValue(settings.radius_mm)
        self.slider.setValue(round(settings.radius_mm * SLIDER_STEPS))
        self.sphere.setChecked(settings.is_sphere)
        self.is_limited.setChecked(settings.is_limited)
        self.lowest.setValue(settings.lowest_hu)
        self.highest.setValue(settings.highest_hu)
        del blockers
        self.removes.choose("remove" if settings.removes else "add")
        is_brush, is_outline = (
            settings.tool in {Tool.BRUSH, Tool.ERASER},
            settings.tool
            in {
                Tool.FREEHAND,
                Tool.POLYGON,
            },
        )
        self.shape.setVisible(is_brush)
        self.removes.setVisible(is_outline)
        self.is_limited.setVisible(is_brush or is_outline)
        self.range.setVisible((is_brush or is_outline) and settings.is_limited)
        self.hint.setText(tr(HINTS.get(settings.tool, "")))
        self.hint.setVisible(settings.tool in HINTS)


def _button(actions: Actions, name: str) -> QToolButton:
    made = QToolButton()
    made.setDefaultAction(actions[name])
    made.setObjectName("tool")
    made.setIconSize(QSize(20, 20))
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setAccessibleName(actions[name].text())
    return made


def _hu(title: str) -> QSpinBox:
    made = QSpinBox()
    made.setRange(-1024, 32767)
    made.setSingleStep(100)
    made.setSuffix(" HU")
    made.setAccessibleName(title)
    set_up(made, 116)
    return made
