"""The list of series: a picture, what it is, and a badge for every finding."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from marview.dicom import Outcome, Study
from marview.gui.icons import pixmap
from marview.gui.label import Label, tooltip
from marview.gui.text import tr
from marview.session.library import Entry, Library

PICTURE_PX = 56
HEADING_MARGINS_PX = 34


class SeriesList(QListWidget):
    """Shows the entries of the library; a click chooses one, a right click offers to close it."""

    close_asked = Signal(object)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self.setAccessibleName(tr("Series"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(False)
        self.itemActivated.connect(self._choose)
        self.itemClicked.connect(self._choose)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._offer)
        self.menu = QMenu(self)
        self._clicked: Entry | None = None
        self.menu.addAction(tr("Close the series")).triggered.connect(lambda: self.close_asked.emit(self._clicked))
        library.listed.connect(self.refresh)
        library.started.connect(self._mark)

    def refresh(self) -> None:
        """Show the entries anew, keeping the selection."""
        self.clear()
        study: Study | None = None
        for entry in self._library.entries:
            if entry.study is not study:
                study = entry.study
                self._add_heading(study)
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.UserRole, entry.key)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, _spoken(entry))
            line = SeriesLine(entry)
            item.setSizeHint(line.sizeHint())
            item.setToolTip(tooltip(_tooltip(entry)))
            self.addItem(item)
            self.setItemWidget(item, line)
        self._mark()

    def _add_heading(self, study: Study) -> None:
        words = study_title(study)
        if not words:
            return
        item = QListWidgetItem()
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        heading = Label(parent=self)
        heading.setObjectName("studyHeading")
        heading.ensurePolished()  # the style sheet's font is the one to measure with
        metrics, room = heading.fontMetrics(), self.width() - HEADING_MARGINS_PX
        heading.setText(
            "\n".join(metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in words.split("\n"))
        )
        item.setToolTip(tooltip(words))
        heading.setContentsMargins(10, 12, 8, 4)
        item.setSizeHint(QSize(180, heading.sizeHint().height()))
        self.addItem(item)
        self.setItemWidget(item, heading)

    def _mark(self, *_: object) -> None:
        chosen = self._library.chosen
        for row in range(self.count()):
            item = self.item(row)
            if chosen is not None and item.data(Qt.ItemDataRole.UserRole) == chosen.key:
                self.setCurrentItem(item)
                return

    def _entry(self, item: QListWidgetItem) -> Entry | None:
        key = item.data(Qt.ItemDataRole.UserRole)
        return next((one for one in self._library.entries if one.key == key), None)

    def _offer(self, at: QPoint) -> None:
        item = self.itemAt(at)
        self._clicked = None if item is None else self._entry(item)
        if self._clicked is not None:
            self.menu.popup(self.viewport().mapToGlobal(at))

    def _choose(self, item: QListWidgetItem) -> None:
        entry = self._entry(item)
        if entry is not None and entry is not self._library.chosen:
            self._library.choose(entry)
            self._mark()  # a series that is refused leaves the one in view chosen


class SeriesLine(QWidget):
    """One line of the list."""

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        picture = Label()
        picture.setFixedSize(PICTURE_PX, PICTURE_PX)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        picture.setStyleSheet("background: black; border-radius: 4px;")
        if entry.picture is not None:
            picture.setPixmap(grey_pixmap(entry.picture, PICTURE_PX, self.devicePixelRatioF()))
        else:
            picture.setPixmap(pixmap("file", 24, "faint"))
        title = Label(entry.series.description)
        title.setWordWrap(True)
        size = Label(_size(entry))
        size.setObjectName("muted")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(title)
        words.addWidget(size)
        badges = QHBoxLayout()
        badges.setSpacing(4)
        for finding in sorted(entry.report.findings, key=lambda one: -one.outcome)[:1]:
            badge = Label(str(finding.kind))
            badge.setObjectName("badge")
            badge.setProperty("kind", "error" if finding.outcome == Outcome.REFUSES else "warning")
            badges.addWidget(badge)
        more = len(entry.report.findings) - 1
        if more > 0:
            badge = Label(f"+{more}")
            badge.setObjectName("badge")
            badges.addWidget(badge)
        badges.addStretch(1)
        if entry.report.findings:
            words.addLayout(badges)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    def sizeHint(self) -> QSize:
        """High enough for the picture."""
        hint = super().sizeHint()
        return QSize(180, max(PICTURE_PX + 16, hint.height()))


def grey_pixmap(grey: NDArray[np.uint8], edge_px: int, ratio: float) -> QPixmap:
    """Grey levels `[y, x]` as a picture that fits a square."""
    held = np.ascontiguousarray(grey)
    rows, columns = held.shape
    image = QImage(held.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    scaled = image.scaled(
        round(edge_px * ratio),
        round(edge_px * ratio),
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    scaled.setDevicePixelRatio(ratio)
    return QPixmap.fromImage(scaled)


def study_title(study: Study) -> str:
    """Whose study it is and of when, in one or two lines."""
    second = "  ·  ".join(part for part in (_date(study), study.description) if part)
    return "\n".join(line for line in (_name(study), second) if line)


def patient_title(study: Study) -> str:
    """The patient and the date of the study, in two lines at most."""
    return "\n".join(line for line in (_name(study), _date(study)) if line)


def _name(study: Study) -> str:
    return study.patient_name.replace("^", " ").strip() or study.patient_id


def _date(study: Study) -> str:
    return f"{study.date[:4]}-{study.date[4:6]}-{study.date[6:8]}" if len(study.date) == 8 else study.date


def _size(entry: Entry) -> str:
    kind = entry.series.modality or "NIfTI"
    count = entry.slice_count
    return f"{kind} · {count} {tr('slice') if count == 1 else tr('slices')}"


def _tooltip(entry: Entry) -> str:
    lines = [entry.series.description, str(entry.series.path)]
    return "\n".join(lines + [finding.sentence for finding in entry.report.findings])


def _spoken(entry: Entry) -> str:
    findings = ", ".join(str(finding.kind) for finding in entry.report.findings)
    return f"{entry.series.description}, {_size(entry)}{', ' + findings if findings else ''}"
