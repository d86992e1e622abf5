"""List of series by patient and study; each has a thumbnail, a description and badges for findings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from marview.dicom import Outcome, Study
from marview.gui.badge import Badge
from marview.gui.elided_label import ElidedLabel
from marview.gui.icons import pixmap
from marview.gui.label import Label, tooltip
from marview.session.entries import Entry, patient_of
from marview.session.library import Library
from marview.session.study_index import KnownSeries
from marview.text import count, tr
from marview.told import told

PICTURE_PX = 56
LEAST_PX = 100
"""Minimum width of a line in pixels; the list widens its lines to its own width."""


@dataclass(frozen=True, eq=False)
class Line:
    """Content of one line of the series list.

    Attributes:
        key: unique key of the series.
        title: description of the series.
        size: modality and number of slices.
        badges: findings, each with its severity ("error" or "warning"), most severe first.
        picture: grey levels of the thumbnail, uint8 `[y, x]`; None if there is none.
        details: text of the tool tip.
        words: searchable text in lower case.
    """

    key: str
    title: str
    size: str
    badges: tuple[tuple[str, str], ...]
    picture: NDArray[np.uint8] | None
    details: str
    words: str


class SeriesList(QListWidget):
    """List of open and earlier series; a click opens a series, and a right click offers to close it.

    Open series are listed above earlier ones.
    """

    close_asked = Signal(object)
    close_study_asked = Signal(object)
    known_chosen = Signal(object)
    beside_asked = Signal(object)
    forget_asked = Signal(object)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._known: Sequence[KnownSeries] = ()
        self._text = ""
        self.setAccessibleName(tr("Series"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(False)
        self.itemActivated.connect(self._choose)
        self.itemClicked.connect(self._choose)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._offer)
        self.menu, self.known_menu = QMenu(self), QMenu(self)
        self._clicked: Entry | KnownSeries | None = None
        self.menu.addAction(tr("Show beside the series in view")).triggered.connect(
            lambda: self.beside_asked.emit(self._clicked)
        )
        self.menu.addAction(tr("Close the series")).triggered.connect(lambda: self.close_asked.emit(self._clicked))
        self.menu.addAction(tr("Close the study")).triggered.connect(lambda: self.close_study_asked.emit(self._clicked))
        self.known_menu.addAction(tr("Remove from the list of earlier studies")).triggered.connect(
            lambda: self.forget_asked.emit(self._clicked)
        )
        library.listed.connect(self.refresh)
        library.started.connect(self._mark)

    def show_known(self, known: Sequence[KnownSeries]) -> None:
        """Show the given earlier series below the open series."""
        if list(known) != list(self._known):
            self._known = tuple(known)
            self.refresh()

    def narrow(self, text: str) -> None:
        """Show only the open series whose searchable text contains every word of `text`."""
        self._text = text
        self.refresh()

    def refresh(self) -> None:
        """Update the list and keep the selection."""
        self.clear()
        patient: object = None
        study: object = None
        for entry in self._library.entries:
            line = _of_entry(entry)
            if not _matches(line.words, self._text):
                continue
            is_new_patient = patient_of(entry.study) != patient
            if is_new_patient or entry.study.uid != study:
                self._add_heading(study_title(entry.study, with_patient=is_new_patient))
            patient, study = patient_of(entry.study), entry.study.uid
            self._add_line(line)
        if self._known:
            self._add_heading(tr("Earlier studies"))
        about: object = None
        for known in self._known:
            if (known.patient, known.patient_id, known.date, known.study) != about:
                about = (known.patient, known.patient_id, known.date, known.study)
                self._add_heading(_title(known.patient, known.patient_id, known.date, known.study))
            self._add_line(_of_known(known))
        self._mark()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the lines to the new width, because Qt itself only widens them."""
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def _add_line(self, line: Line) -> None:
        item = QListWidgetItem()
        item.setData(Qt.ItemDataRole.UserRole, line.key)
        badges = ", ".join(words for words, _ in line.badges)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, (line.title, line.size, badges))))
        widget = SeriesLine(line)
        item.setSizeHint(widget.sizeHint())
        item.setToolTip(tooltip(line.details))
        self.addItem(item)
        self.setItemWidget(item, widget)

    def _add_heading(self, words: str) -> None:
        if not words:
            return
        item = QListWidgetItem()
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        heading = QWidget(self)
        column = QVBoxLayout(heading)
        column.setContentsMargins(10, 12, 8, 4)
        column.setSpacing(0)
        for line in words.split("\n"):
            label = ElidedLabel(heading)
            label.setObjectName("studyHeading")
            label.ensurePolished()  # the style sheet sets the font that the height depends on
            label.setText(line)
            column.addWidget(label)
        item.setToolTip(tooltip(words))
        item.setSizeHint(QSize(LEAST_PX, heading.sizeHint().height()))
        self.addItem(item)
        self.setItemWidget(item, heading)

    def _mark(self, *_: object) -> None:
        chosen = self._library.chosen
        for row in range(self.count()):
            item = self.item(row)
            if chosen is not None and item.data(Qt.ItemDataRole.UserRole) == chosen.key:
                self.setCurrentItem(item)
                return

    def _meant(self, item: QListWidgetItem) -> Entry | KnownSeries | None:
        key = item.data(Qt.ItemDataRole.UserRole)
        entry = next((one for one in self._library.entries if one.key == key), None)
        return entry or next((one for one in self._known if one.key == key), None)

    def _offer(self, at: QPoint) -> None:
        item = self.itemAt(at)
        self._clicked = None if item is None else self._meant(item)
        if self._clicked is not None:
            menu = self.menu if isinstance(self._clicked, Entry) else self.known_menu
            menu.popup(self.viewport().mapToGlobal(at))

    def _choose(self, item: QListWidgetItem) -> None:
        meant = self._meant(item)
        if isinstance(meant, KnownSeries):
            self.known_chosen.emit(meant)
        elif meant is not None and meant is not self._library.chosen:
            self._library.choose(meant)
            self._mark()  # if opening fails, the series in view stays selected


class SeriesLine(QWidget):
    """One line of the list."""

    def __init__(self, line: Line, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        picture = Label()
        picture.setFixedSize(PICTURE_PX, PICTURE_PX)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        picture.setStyleSheet("background: black; border-radius: 4px;")
        if line.picture is not None:
            picture.setPixmap(grey_pixmap(line.picture, PICTURE_PX, self.devicePixelRatioF()))
        else:
            picture.setPixmap(pixmap("file", 24, "faint"))
        title = Label(line.title)
        title.setWordWrap(True)
        size = Label(line.size)
        size.setObjectName("muted")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(title)
        words.addWidget(size)
        badges = QHBoxLayout()
        badges.setSpacing(4)
        shown = [*line.badges[:1], *([(f"+{len(line.badges) - 1}", "")] if len(line.badges) > 1 else [])]
        for text, kind in shown:
            badges.addWidget(Badge(text, kind))
        badges.addStretch(1)
        if line.badges:
            words.addLayout(badges)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    def sizeHint(self) -> QSize:
        """Return a size that leaves room for the thumbnail."""
        hint = super().sizeHint()
        return QSize(LEAST_PX, max(PICTURE_PX + 16, hint.height()))


def grey_pixmap(grey: NDArray[np.uint8], edge_px: int, ratio: float) -> QPixmap:
    """Convert grey levels `[y, x]` to a pixmap scaled to fit a square."""
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


def study_title(study: Study, *, with_patient: bool = True) -> str:
    """Return the study's title in one or two lines: patient (optional), date and description."""
    if with_patient:
        return _title(study.patient_name, study.patient_id, study.date, study.description)
    return _title("", "", study.date, study.description)


def patient_title(study: Study) -> str:
    """Return the patient and the date of the study in at most two lines."""
    return _title(study.patient_name, study.patient_id, study.date, "")


def _title(patient: str, patient_id: str, date: str, description: str) -> str:
    name = patient.replace("^", " ").strip() or patient_id
    day = f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else date
    second = "  ·  ".join(part for part in (day, description) if part)
    return "\n".join(line for line in (name, second) if line)


def _size(modality: str, slices: int) -> str:
    return f"{modality or 'NIfTI'} · {count(slices, 'slice')}"


def _matches(words: str, text: str) -> bool:
    return all(word in words for word in text.lower().split())


def _of_entry(entry: Entry) -> Line:
    findings = sorted(entry.report.findings, key=lambda one: -one.outcome)
    kinds = [(tr(str(one.kind)), "error" if one.outcome == Outcome.REFUSES else "warning") for one in findings]
    series, study = entry.series, entry.study
    details = [series.description, str(series.path), *(told(finding.sentence) for finding in entry.report.findings)]
    said = (study.patient_name, study.patient_id, study.description, study.date, series.description, series.modality)
    return Line(
        key=entry.key,
        title=series.description,
        size=_size(series.modality, entry.slice_count),
        badges=tuple(kinds),
        picture=entry.picture,
        details="\n".join(details),
        words=" ".join((*said, *(kind for kind, _ in kinds))).lower(),
    )


def _of_known(known: KnownSeries) -> Line:
    kind = "error" if known.is_refused else "warning"
    return Line(
        key=known.key,
        title=known.series,
        size=_size(known.modality, known.slices),
        badges=tuple((tr(finding), kind) for finding in known.findings),
        picture=known.picture,
        details="\n".join((known.series, str(known.path))),
        words="",
    )
