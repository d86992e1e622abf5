"""Arranges the panes in their layouts; one pane can be maximised."""

import math

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QWidget

from marview.gui.painter import Painter
from marview.gui.panes.beside_pane import NAME as BESIDE
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
from marview.session.display import Display, Layout
from marview.session.session import Session
from marview.text import tr

PLACES: dict[Layout, dict[str, tuple[int, int]]] = {
    Layout.READ: {"original": (0, 0), "result": (0, 1)},
    Layout.MAR: {"original": (0, 0), "sinogram": (0, 1), "prior": (1, 0), "result": (1, 1)},
    Layout.SENSITIVITY: {"variant": (0, 0)},
    Layout.SCENE: {"scene": (0, 0)},
    Layout.COMPARE: {"original": (0, 0)},
    Layout.MPR: {"original": (0, 0), "coronal": (0, 1), "sagittal": (1, 0), "result": (1, 1)},
}
"""Row and column of each pane in each layout."""


def places_of(display: Display, results: int = 0, *, has_beside: bool = False) -> dict[str, tuple[int, int]]:
    """Return row and column of the visible panes; the comparison has the original, results and another series."""
    places = PLACES[display.layout]
    if display.layout is Layout.COMPARE:
        names = ["original", *(f"{PREFIX}{place}" for place in range(results)), *([BESIDE] if has_beside else [])]
        columns = math.ceil(math.sqrt(len(names)))
        return {name: divmod(at, columns) for at, name in enumerate(names)}
    fourth = "oblique" if display.oblique_deg is not None else "scene" if display.has_scene else "result"
    if display.layout is Layout.MPR:
        places = {(fourth if name == "result" else name): place for name, place in places.items()}
    return places


def _spans(places: dict[str, tuple[int, int]]) -> dict[str, int]:
    """Return columns of the last pane, which fills the row that the others leave unfinished."""
    name, (row, column) = max(places.items(), key=lambda item: item[1])
    columns = 1 + max(column for _, column in places.values())
    return {name: columns - column} if row else {}


class PaneGrid(QWidget):
    """Arranges the panes according to the session's layout."""

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
        self._grid.setSpacing(3)
        self._lines = 2
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
    def places(self) -> dict[str, tuple[int, int]]:
        """Return row and column of the visible panes."""
        session = self._session
        return places_of(session.view.display, len(session.results), has_beside=session.beside.other is not None)

    def _follow_results(self, *_: object) -> None:
        """Make a pane for each result of the comparison and for another series."""
        display = self._session.view.display
        if display.layout is Layout.COMPARE and not set(self.places) <= set(self.panes):
            self._arrange(display)
        elif display.layout is Layout.COMPARE and not display.maximised:
            shown = {name for name, pane in self.panes.items() if pane.isVisibleTo(self)}
            if shown != set(self.places):
                self._arrange(display)

    def maximise(self, name: str) -> None:
        """Maximise a pane, or restore the layout."""
        is_maximised = self._session.view.display.maximised == name
        self._session.view.update(maximised="" if is_maximised else name, active=name)

    def picture(self) -> QPixmap:
        """Return the picture of the active pane as on the screen; of the first pane if none is active."""
        active = self._session.view.display.active
        shown = [name for name, pane in self.panes.items() if pane.isVisibleTo(self)]
        return self.panes[active if active in shown else (shown or ["original"])[0]].snapshot()

    def focus_first(self) -> None:
        """Move the focus to the pane that had it last, or to the original."""
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
        if "active" in names:
            for name, pane in self.panes.items():
                pane.set_active(is_active=name == display.active)

    def _arrange(self, display: Display) -> None:
        places = self.places
        for name in places:
            if name not in self.panes:
                self.panes[name] = ComparePane(int(name.removeprefix(PREFIX)), self._session)
                self._take(self.panes[name])
        wanted = {display.maximised: (0, 0)} if display.maximised in places else places
        spans = _spans(wanted)
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
