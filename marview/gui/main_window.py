"""The main window: menus, tool bar, series list, panes and side panel."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from marview.gui.action_rows import PRESET_ROWS, ROWS
from marview.gui.action_state import ActionState
from marview.gui.actions import Actions
from marview.gui.cine import Cine
from marview.gui.close_question import CloseQuestion
from marview.gui.commands import Commands
from marview.gui.drop_hint import DropHint
from marview.gui.empty_state import EmptyState
from marview.gui.event_filter import EventFilter
from marview.gui.floating import Floating
from marview.gui.guess_warning import GuessWarning
from marview.gui.keys import Keys
from marview.gui.manners import MANNERS
from marview.gui.message_bar import MessageBar
from marview.gui.pane_grid import PaneGrid
from marview.gui.panel_slot import PanelSlot
from marview.gui.panes.pane import HEADER_PX
from marview.gui.probe import ProbeBar
from marview.gui.profile_window import ProfileWindow
from marview.gui.question_bar import QuestionBar
from marview.gui.sensitivity.desk import Desk
from marview.gui.series_list import SeriesList
from marview.gui.side_panel import SidePanel
from marview.gui.slice_rail import SliceRail
from marview.gui.study_browser import StudyBrowser
from marview.gui.tool_bar import ToolBar
from marview.gui.window_state import remember, restore
from marview.session.display import Layout
from marview.session.session import Session
from marview.text import tr, translatable

LEAST_PX = 300
"""Minimum height of the panes, below which the window cannot shrink."""

LIST_WIDTH, LEAST_LIST_WIDTH = 236, 150
SIDE_WIDTH = 312


class MainWindow(QMainWindow):
    """Main window: series list on the left, panes in the middle and side panel on the right."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setWindowTitle("marview")
        self.setAcceptDrops(True)
        self.close_question: CloseQuestion | None = None
        self._may_close = False
        self.grid = PaneGrid(session)
        self.desk = Desk(session, self.grid)
        self.series = SeriesList(session.library)
        self.browser = StudyBrowser(session, self.series)
        self.browser.setMinimumWidth(LEAST_LIST_WIDTH)
        self.commands = Commands(
            self,
            session,
            self.grid,
            self.browser,
            lambda: [self.browser, self.desk.bar, self.desk.compare_bar, self.grid, self.side],
            self.toggle_panel,
            self.float_panel,
        )
        self.actions_table = Actions(self, (*ROWS, *PRESET_ROWS), self.commands)
        self.side = SidePanel(session, self.actions_table)
        self.rail = SliceRail(session)
        self.messages = MessageBar(session.messages)
        self.questions = QuestionBar(session.messages)
        table = self.actions_table
        self.empty = EmptyState(table["open_folder"], table["open_file"], table["open_demo"])
        self.empty.recent_chosen.connect(lambda path: session.open(Path(path)))
        self.pages = QStackedWidget()
        self.pages.setMinimumHeight(LEAST_PX)  # for a moment a new layout needs the space of the old one as well
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self._page())
        centre = QWidget()
        middle = QVBoxLayout(centre)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.pages, 1)
        bars = (self.questions, self.messages)
        self.bars = Floating(
            self.pages, bars, self._above_bars, self._under_bars, (self.desk.bar, self.desk.compare_bar, self.grid)
        )
        self.panels = QSplitter(Qt.Orientation.Horizontal)
        self.panels.setHandleWidth(3)
        self.slots = {
            0: PanelSlot(self.browser, translatable("Studies")),
            2: PanelSlot(self.side, translatable("Control panel")),
        }
        for part, stretch in ((self.slots[0], 0), (centre, 1), (self.slots[2], 0)):
            self.panels.addWidget(part)
            self.panels.setStretchFactor(self.panels.indexOf(part), stretch)
        self.panels.setCollapsible(1, False)
        self.panels.setSizes([LIST_WIDTH, 900, SIDE_WIDTH])
        self.setCentralWidget(self.panels)
        self.drop_hint = DropHint(self)
        self.profile = ProfileWindow(session, self)
        self.addToolBar(ToolBar(session, table))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.guess = GuessWarning(session)
        self.setStatusBar(ProbeBar(session, self.guess))
        self.cine = Cine(session, self)
        self.keys = Keys(self)
        self.keys.held.connect(lambda is_held: session.view.update(is_original_held=is_held))
        self._fill_menus()
        self.state = ActionState(session, table)
        session.library.started.connect(self._show_panes)
        session.library.listed.connect(self._show_side)
        session.library.emptied.connect(self._show_empty)
        self.series.close_asked.connect(session.closing.close_series)
        self.series.close_study_asked.connect(session.closing.close_study)
        self.series.known_chosen.connect(session.studies.open)
        self.series.beside_asked.connect(session.beside.show)
        session.beside.changed.connect(self._compare)
        self.series.forget_asked.connect(session.studies.forget)
        session.studies.changed.connect(self._show_browser)
        self._show_browser()
        self.slots[2].show_panel(is_wanted=False)
        session.methods.look()
        if session.safekeeping.recovery is not None:
            session.safekeeping.recovery.look()
        # Installed last, so that it does not see the thousands of events of new widgets.
        self.events = EventFilter(self, MANNERS | self.keys.handlers)

    def _page(self) -> QWidget:
        page = QWidget()
        down = QVBoxLayout(page)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(0)
        across = QHBoxLayout()
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(3)
        across.addWidget(self.desk, 1)
        across.addWidget(self.rail)
        down.addLayout(across, 1)
        return page

    def _under_bars(self) -> int:
        """Return the width of the messages in pixels; they cover the images but not the plots beside them."""
        return self.grid.width() if self.grid.isVisible() else self.pages.width()

    def _above_bars(self) -> int:
        """Return the distance in pixels from the top of the page to the messages, below the controls and headings."""
        name = 2 * self.fontMetrics().lineSpacing() if self.grid.isVisible() else 0
        return HEADER_PX + 12 + name + self.desk.controls_px

    def _fill_menus(self) -> None:
        self.menus = menus = self.actions_table.fill(self.menuBar())
        recent = QMenu(tr("Open recent"), self)
        menus["File"].insertMenu(self.actions_table["open_demo"], recent)
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        self._fill_recent(recent)
        self.grid.menu_asked.connect(self._pop_up)
        self.empty.show_recent(self.session.settings.recent)

    def _pop_up(self, at: QPoint) -> None:
        self.menus["View"].popup(at)

    def _fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        for path in self.session.settings.recent:
            menu.addAction(path).triggered.connect(partial(self.session.open, Path(path)))
        menu.setEnabled(bool(self.session.settings.recent))

    def _show_browser(self) -> None:
        studies = self.session.studies
        is_wanted = bool(studies.found or studies.text or studies.watched or self.session.library.entries)
        self.slots[0].show_panel(is_wanted=is_wanted)

    def _show_side(self) -> None:
        for slot in self.slots.values():
            slot.show_panel()

    def _show_panes(self, *_: object) -> None:
        if self.pages.currentIndex() == 0:
            self.pages.setCurrentIndex(1)
            QTimer.singleShot(0, self, self.grid.focus_first)
        chosen = self.session.library.chosen
        self.setWindowTitle("marview" if chosen is None else f"{chosen.series.description} — marview")

    def _compare(self) -> None:
        """Show the comparison if another series is shown beside the one in view."""
        if self.session.beside.other is not None and self.session.view.display.layout is not Layout.COMPARE:
            self.commands.show_layout(Layout.COMPARE)

    def _show_empty(self) -> None:
        self.pages.setCurrentIndex(0)
        self.setWindowTitle("marview")
        self.empty.show_recent(self.session.settings.recent)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept dragged files and folders as copies."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.drop_hint.show_over()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the drop hint."""
        self.drop_hint.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped files without moving them."""
        self.drop_hint.hide()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.session.open(*paths)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def restore(self) -> None:
        """Restore the position, panels and layout of the last session, or fit the window to the screen."""
        restore(self, self.panels, self.session)

    def toggle_panel(self, at: int) -> None:
        """Collapse or expand the panel at index `at`, counted from the left; dock it if it floats."""
        if self.slots[at].is_floating:
            self.slots[at].dock()
            return
        sizes = self.panels.sizes()
        widths = {0: LIST_WIDTH, 2: SIDE_WIDTH}
        change = -sizes[at] if sizes[at] else widths[at]
        sizes[at] += change
        sizes[1] -= change
        self.panels.setSizes(sizes)

    def float_panel(self, at: int) -> None:
        """Undock the panel at index `at`, counted from the left, or dock it again."""
        self.slots[at].toggle_floating()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session when the window closes; ask once if there is unsaved work."""
        unsaved = self.session.unsaved
        if unsaved and not self._may_close:
            event.ignore()
            self._ask_to_close(unsaved)
            return
        for slot in self.slots.values():
            slot.dock()
        remember(self, self.panels, self.session)
        self.hide()
        self.session.close()
        super().closeEvent(event)

    def event(self, event: QEvent) -> bool:
        """End the session if the window is deleted without being closed."""
        if event.type() == QEvent.Type.DeferredDelete:
            self.session.close()
        return bool(super().event(event))

    def _ask_to_close(self, unsaved: list[str]) -> None:
        if self.close_question is not None:
            self.close_question.deleteLater()
        self.close_question = CloseQuestion(unsaved, self)
        self.close_question.accepted.connect(self._close_anyway)
        self.close_question.open()

    def _close_anyway(self) -> None:
        self._may_close = True
        self.close()
