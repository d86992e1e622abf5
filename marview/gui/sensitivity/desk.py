"""Image panes, surrounded by the controls and plots of a sweep or the controls of a comparison."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from marview.gui.compare_bar import CompareBar
from marview.gui.pane_grid import PaneGrid
from marview.gui.sensitivity.plots import CurvePlot, ProfilePlot
from marview.gui.sensitivity.strip import Strip
from marview.gui.sensitivity.sweep_bar import SweepBar
from marview.gui.sensitivity.sweep_table import SweepTable
from marview.session.display import Display, Layout
from marview.session.session import Session


class Desk(QWidget):
    """Image panes below the sweep or comparison bar; a sweep also shows plots, a table and thumbnails."""

    def __init__(self, session: Session, grid: PaneGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = SweepBar(session)
        self.compare_bar = CompareBar(session)
        self.strip = Strip(session)
        self.curve = CurvePlot(session)
        self.profile = ProfilePlot(session)
        self.table = SweepTable(session)
        figures = QSplitter(Qt.Orientation.Vertical)
        for part in (self.curve, self.profile, self.table):
            figures.addWidget(part)
        figures.setChildrenCollapsible(False)
        figures.setSizes([190, 220, 200])
        self.beside = QScrollArea()  # on a small screen the figures scroll; the window would grow beyond the screen
        self.beside.setWidgetResizable(True)
        self.beside.setFrameShape(QFrame.Shape.NoFrame)
        self.beside.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.beside.setWidget(figures)
        self.beside.setMinimumWidth(figures.minimumSizeHint().width())
        across = QSplitter(Qt.Orientation.Horizontal)
        across.addWidget(grid)
        across.addWidget(self.beside)
        across.setStretchFactor(0, 5)
        across.setStretchFactor(1, 4)
        across.setChildrenCollapsible(False)
        across.setSizes([520, 500])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.bar)
        column.addWidget(self.compare_bar)
        column.addWidget(across, 1)
        column.addWidget(self.strip)
        self._session = session
        session.view.changed.connect(self._follow)
        session.sensitivity.found.connect(self._arrange)
        self._arrange()

    @property
    def controls_px(self) -> int:
        """Return the height of the controls above the panes."""
        return sum(bar.height() for bar in (self.bar, self.compare_bar) if bar.isVisibleTo(self))

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if names & {"layout", "maximised"}:
            self._arrange()

    def _arrange(self) -> None:
        """Show plots and strip once there is a sweep."""
        display = self._session.view.display
        is_here = display.layout is Layout.SENSITIVITY
        is_whole = is_here and not display.maximised and self._session.sensitivity.swept is not None
        if is_here:  # made before the first sweep, so that showing its figures does not block the window
            _ = self.curve.plot, self.profile.plot
        self.bar.setVisible(is_here)
        self.compare_bar.setVisible(display.layout is Layout.COMPARE)
        self.strip.setVisible(is_whole)
        self.beside.setVisible(is_whole)
