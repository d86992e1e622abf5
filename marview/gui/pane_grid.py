"""Arrange the panes in their layouts; one pane can be maximised."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from marview.gui.painter import Painter
from marview.gui.pane_places import GAP_PX, Places, places_of, spans_of
from marview.gui.panes.beside_pane import BesidePane
from marview.gui.panes.compare_pane import PREFIX, ComparePane
from marview.gui.panes.original_pane import OriginalPane
from marview.gui.panes.pane import Pane
from marview.gui.panes.plane_pane import PlanePane
from marview.gui.panes.prior_pane import PriorPane
from marview.gui.panes.result_pane import ResultPane
from marview.gui.panes.scene_pane import ScenePane
from marview.gui.panes.sinogram_pane import SinogramPane
from marview.gui.sensitivity.variant_pane import VariantPane
from marview.session.display import Display
from marview.session.session import Session
from marview.text import tr


class PaneGrid(QWidget):
    """Grid of the panes, arranged according to the session's layout."""

    menu_asked = Signal(QPoint)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.panes: dict[str, Pane] = {
            pane.name: pane
            for pane in (
                OriginalPane(session),
                SinogramPane(session),
                PriorPane(session),
                ResultPane(session),
                VariantPane(session),
                PlanePane("coronal", tr("Coronal"), session),
                PlanePane("sagittal", tr("Sagittal"), session),
                PlanePane("oblique", tr("Oblique"), session),
                ScenePane(session),
                BesidePane(session),
            )
        }
        original = self.panes["original"]
        assert isinstance(original, OriginalPane)
        self.painter = Painter(original, session)
        self.setObjectName("panes")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP_PX)
        self._lines = 2
        self._arranged: Places = {}
        for pane in self.panes.values():
            self._take(pane)
        session.view.changed.connect(self._follow)
        session.result_changed.connect(self._follow_results)
        session.runs.changed.connect(self._follow_results)
        session.beside.changed.connect(self._follow_results)
        self._arrange(session.view.display)

    def _take(self, pane: Pane) -> None:
        """Add a pane to the grid, hidden until it is arranged."""
        pane.setParent(self)
        pane.hide()
        pane.installEventFilter(self)
        pane.activated.connect(lambda name: self._session.view.update(active=name))
        pane.maximise_asked.connect(self.maximise)
        pane.menu_asked.connect(self.menu_asked)

    @property
    def places(self) -> Places:
        """Return the row and column of each visible pane."""
        session = self._session
        has_beside = session.beside.other is not None
        return places_of(session.view.display, len(session.results), has_beside=has_beside, room=self.size())

    def _follow_results(self, *_: object) -> None:
        """Make a pane for each result of the comparison and for another series, and arrange the panes."""
        if self.places != self._arranged:
            self._arrange(self._session.view.display)

    def maximise(self, name: str) -> None:
        """Maximise a pane, or restore the layout."""
        is_maximised = self._session.view.display.maximised == name
        self._session.view.update(maximised="" if is_maximised else name, active=name)

    def picture(self) -> QPixmap:
        """Return a screenshot of the active pane, or of the first pane if none is active."""
        active = self._session.view.display.active
        shown = [name for name, pane in self.panes.items() if pane.isVisibleTo(self)]
        return self.panes[active if active in shown else (shown or ["original"])[0]].snapshot()

    def focus_first(self) -> None:
        """Move the focus to the most recently active pane if it is visible, else to the first pane."""
        display = self._session.view.display
        shown = self.places
        name = display.active if display.active in shown else next(iter(shown))
        self.panes[name].setFocus(Qt.FocusReason.OtherFocusReason)
        self._session.view.update(active=name)

    def focus_next(self, step: int = 1) -> None:
        """Move the focus to the next visible pane."""
        shown = [name for name in self.places if self.panes[name].isVisibleTo(self)]
        active = self._session.view.display.active
        at = shown.index(active) if active in shown else -step
        self.panes[shown[(at + step) % len(shown)]].setFocus(Qt.FocusReason.TabFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the panes for the new size."""
        super().resizeEvent(event)
        self._follow_results()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cycle through the panes with Tab."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Tab:
                self.focus_next()
                return True
            if event.key() == Qt.Key.Key_Backtab:
                self.focus_next(-1)
                return True
        return super().eventFilter(watched, event)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if names & {"layout", "maximised", "oblique_deg", "has_scene"}:
            self._arrange(display)
        elif names & {"extent_mm", "quarters"}:
            self._follow_results()
        if "active" in names:
            for name, pane in self.panes.items():
                pane.set_active(is_active=name == display.active)

    def _arrange(self, display: Display) -> None:
        self._arranged = places = self.places
        for name in places:
            if name not in self.panes:
                self.panes[name] = ComparePane(int(name.removeprefix(PREFIX)), self._session)
                self._take(self.panes[name])
        wanted = {display.maximised: (0, 0)} if display.maximised in places else places
        spans = spans_of(wanted)
        had_focus = self._have_focus(self.panes)
        self.setUpdatesEnabled(False)
        for name, pane in self.panes.items():
            self._grid.removeWidget(pane)
            if name in wanted:
                self._grid.addWidget(pane, *wanted[name], 1, spans.get(name, 1))
            pane.setVisible(name in wanted)
        rows, columns = {row for row, _ in wanted.values()}, {column for _, column in wanted.values()}
        self._lines = max(self._lines, 1 + max(rows), 1 + max(columns))
        for line in range(self._lines):
            self._grid.setRowStretch(line, int(line in rows))
            self._grid.setColumnStretch(line, int(line in columns))
        self.setUpdatesEnabled(True)
        if had_focus and not self._have_focus(wanted):
            self.focus_first()  # Qt passes the focus of a hidden pane to whatever widget comes next

    def _have_focus(self, names: Iterable[str]) -> bool:
        """Return whether one of these panes has the focus."""
        focused = self.window().focusWidget()
        panes = (self.panes[name] for name in names)
        return focused is not None and any(pane is focused or pane.isAncestorOf(focused) for pane in panes)
