"""Side panel on the right, with sections for metal, tools, metal pieces, method and run."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from marview.gui.actions import Actions
from marview.gui.panels.change_panel import ChangePanel
from marview.gui.panels.measures_panel import MeasuresPanel
from marview.gui.panels.metal_panel import MetalPanel
from marview.gui.panels.method_panel import MethodPanel
from marview.gui.panels.pieces_panel import PiecesPanel
from marview.gui.panels.run_panel import RunPanel
from marview.gui.panels.runs_panel import RunsPanel
from marview.gui.panels.section import line
from marview.gui.panels.tools_panel import ToolsPanel
from marview.session.session import Session
from marview.text import tr

WIDTH = 312


class SidePanel(QWidget):
    """Scrollable sections above the run controls, which are always visible."""

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(WIDTH)
        self.setAccessibleName(tr("Control panel"))
        self.metal = MetalPanel(session, actions["find_metal"])
        self.tools = ToolsPanel(session, actions)
        self.change = ChangePanel(session, actions)
        self.pieces = PiecesPanel(session)
        self.measures = MeasuresPanel(session)
        self.method = MethodPanel(session.methods, session.speeds, session.reductions.use)
        session.runs.changed.connect(lambda job: self.method.show_purpose() if job.state.is_over else None)
        self.runs = RunsPanel(session)
        self.run = RunPanel(session, actions["reduce"], actions["retry"], actions["layout_compare"], actions["export"])
        inside = QWidget()
        down = QVBoxLayout(inside)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(0)
        for section in (self.measures, self.metal, self.tools, self.change, self.pieces):
            down.addWidget(section)
            down.addWidget(line())
        down.addWidget(self.method)
        down.addWidget(line())
        down.addWidget(self.runs)
        down.addStretch(1)
        self.sections = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addWidget(line())
        column.addWidget(self.run)
        self.run.head.addWidget(self.method.chooser)  # the method stays visible beside the button that runs it
        self.method.chooser.activated.connect(lambda _at: QTimer.singleShot(0, self._show_method))
        self.setFocusProxy(self.metal.finder)

    def _show_method(self) -> None:
        """Scroll to the purpose and the parameters of the method that the user has chosen."""
        self.sections.verticalScrollBar().setValue(self.method.y())
