"""The window; it only assembles."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QSplitter

from marview.gui.panes.original_pane import OriginalPane
from marview.gui.series_list import SeriesList
from marview.session.session import Session


class MainWindow(QMainWindow):
    """Series list and panes on a session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(SeriesList(session.library))
        split.addWidget(OriginalPane(session))
        split.setSizes([240, 1300])
        self.setCentralWidget(split)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session with its window."""
        self.session.close()
        super().closeEvent(event)
