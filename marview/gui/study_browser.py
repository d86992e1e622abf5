"""The study panel: search, open series, earlier series and watched folders."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.gui.series_list import SeriesList
from marview.session.session import Session
from marview.text import tr


class StudyBrowser(QWidget):
    """A search field above the series list; it filters open series and searches the index of earlier ones."""

    def __init__(self, session: Session, series: SeriesList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studies = session.studies
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search studies"))
        self.search.setAccessibleName(tr("Search studies"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self.more = QToolButton()
        self.more.setObjectName("quiet")
        self.more.setIcon(icon("chevron"))
        self.more.setAccessibleName(tr("Studies: more"))
        self.more.setToolTip(tr("Watch a folder, or manage earlier studies"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(self.menu)
        self.watched = Label()
        self.watched.setObjectName("muted")
        self.watched.setWordWrap(True)
        self.watched.setContentsMargins(12, 6, 8, 8)
        self.series = series
        above = QHBoxLayout()
        above.setContentsMargins(8, 8, 4, 4)
        above.setSpacing(4)
        above.addWidget(self.search, 1)
        above.addWidget(self.more)
        down = QVBoxLayout(self)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(0)
        down.addLayout(above)
        down.addWidget(series, 1)
        down.addWidget(self.watched)
        self.setFocusProxy(series)
        self._studies.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the earlier studies that match the search, and the watched folders."""
        self.series.show_known(self._studies.found)
        folders = self._studies.watched
        names = ", ".join(Path(folder).name or folder for folder in folders)
        self.watched.setText(tr("Watched: {}").format(names))
        self.watched.setToolTip(tooltip("\n".join(folders)))
        self.watched.setVisible(bool(folders))

    def _search(self, text: str) -> None:
        self.series.narrow(text)
        self._studies.search(text)

    def _fill_menu(self) -> None:
        self.menu.clear()
        self.menu.addAction(tr("Watch a folder …")).triggered.connect(self.ask_to_watch)
        for folder in self._studies.watched:
            stop = self.menu.addAction(tr("Stop watching {}").format(Path(folder).name or folder))
            stop.triggered.connect(lambda _is_checked=False, folder=folder: self._studies.unwatch(folder))
        self.menu.addSeparator()
        self.menu.addAction(tr("Read the headers of earlier studies again")).triggered.connect(self._studies.rebuild)
        self.menu.addAction(tr("Clear the list of earlier studies")).triggered.connect(self._studies.clear)

    def ask_to_watch(self) -> None:
        """Ask the user for a folder, and watch it for new studies."""
        chosen = QFileDialog.getExistingDirectory(self, tr("Watch a folder for new studies"))
        if chosen:
            self._studies.watch(Path(chosen))

    def focus_search(self) -> None:
        """Move the focus to the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
