"""The start page, shown while no study is open."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from marview.gui.icons import icon, pixmap
from marview.gui.label import Label
from marview.text import tr

RECENT_SHOWN = 5


class EmptyState(QWidget):
    """Page that offers to open a study, a file, the demo or a recent study."""

    recent_chosen = Signal(str)

    def __init__(self, open_folder: QAction, open_file: QAction, demo: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        mark = Label()
        mark.setPixmap(pixmap("marview", 72, ratio=self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = Label(tr("See what the metal hides"))
        title.setObjectName("emptyTitle")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words = Label(tr("Drop a folder, zip, DICOM or NIfTI file here, or"))
        words.setObjectName("muted")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = QPushButton(icon("open", "accent_text"), tr("Open a study"))
        self.open.setObjectName("primary")
        self.open.clicked.connect(open_folder.trigger)
        self.file = QPushButton(icon("file"), tr("Open a file"))
        self.file.clicked.connect(open_file.trigger)
        self.demo = QPushButton(icon("demo"), tr("Open the demo study"))
        self.demo.clicked.connect(demo.trigger)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch(1)
        for button in (self.open, self.file, self.demo):
            button.setMinimumHeight(42)
            row.addWidget(button)
        row.addStretch(1)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(1)
        self._recent.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        caution = Label(tr("For research. Not for primary diagnosis."))
        caution.setObjectName("muted")
        caution.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(3)
        column.addWidget(mark)
        column.addWidget(title)
        column.addWidget(words)
        column.addLayout(row)
        column.addSpacing(10)
        column.addLayout(self._recent)
        column.addStretch(4)
        column.addWidget(caution)
        column.addSpacing(10)

    def show_recent(self, paths: list[str]) -> None:
        """List the recent studies that still exist."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        present = [path for path in paths if Path(path).exists()][:RECENT_SHOWN]
        for path in present:
            button = QPushButton(icon("recent", "muted"), f"{Path(path).name}   —   {Path(path).parent}")
            button.setObjectName("link")
            button.clicked.connect(lambda _checked=False, path=path: self.recent_chosen.emit(path))
            self._recent.addWidget(button)
