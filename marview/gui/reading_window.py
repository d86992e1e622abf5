"""The reader study window: pairs of slices, each graded on two criteria."""

from functools import partial

from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from marview.errors import MarviewError
from marview.gui.label import Label
from marview.gui.pair_view import PairView
from marview.gui.rating_row import RatingRow
from marview.reader_study.ratings import GRADES, RatingsFile
from marview.reader_study.study import ReaderStudy
from marview.session.display import View
from marview.session.presets import presets, title_of
from marview.text import tr


class ReadingWindow(QWidget):
    """Window that shows the pairs of a study to a reader.

    The window opens at the first ungraded pair and saves the grades of a pair when the reader moves to
    another pair. The window never shows which method corrected a pair.

    Args:
        study: the study.
        reader: name of the reader.
    """

    def __init__(self, study: ReaderStudy, reader: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study = study
        self._order = study.order(reader)
        self._file = RatingsFile(study.ratings_path(reader))
        self._rated = self._file.latest()
        self._at = next((at for at, pair in enumerate(self._order) if pair.id not in self._rated), 0)
        self._has_warned = False
        self.setWindowTitle(tr("Reader study: {}").format(reader))
        self.display = View()
        self.pictures = PairView(self.display)
        self.progress, self.trouble = Label(), Label()
        self.trouble.setObjectName("error")
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        self.window_box = self._presets()
        self.rows = (
            RatingRow(tr("Readability"), tr("Can the anatomy be read? 1: not at all, 5: fully")),
            RatingRow(tr("Correctness"), tr("Is the anatomy shown correctly? 1: not at all, 5: fully")),
        )
        self.back, self.next = QPushButton(tr("Back")), QPushButton(tr("Next"))
        self.back.clicked.connect(lambda: self._go(-1))
        self.next.clicked.connect(lambda: self._go(1))
        for number, row in enumerate(self.rows):
            row.chosen.connect(partial(self._graded, number))
        self._lay_out()
        self._add_keys()
        self._show_pair()

    @property
    def is_complete(self) -> bool:
        """Return whether every pair is graded."""
        return all(pair.id in self._rated for pair in self._order)

    def _lay_out(self) -> None:
        top, down, bottom = QHBoxLayout(), QVBoxLayout(self), QHBoxLayout()
        top.addWidget(self.progress)
        top.addStretch(1)
        top.addWidget(Label(tr("HU window")))
        top.addWidget(self.window_box)
        keys = Label(
            tr(
                "Keys: 1 to 5 grade, ↑ ↓ choose the question, → next, ← back, Ctrl+1 to Ctrl+9 HU window, R fit. "
                "Mouse: drag for width and level, Ctrl + wheel for zoom."
            )
        )
        keys.setObjectName("muted")
        keys.setWordWrap(True)
        bottom.addWidget(keys, 1)
        bottom.addWidget(self.back)
        bottom.addWidget(self.next)
        down.addLayout(top)
        down.addWidget(self.pictures, 1)
        for widget in (*self.rows, self.trouble):
            down.addWidget(widget)
        down.addLayout(bottom)
        self.resize(1280, 860)

    def _presets(self) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(tr("HU window"))
        for preset in presets():
            box.addItem(tr(preset.title), preset.window)
        box.activated.connect(lambda at: self.display.update(window=box.itemData(at)))
        self.display.changed.connect(lambda *_: self._show_window())
        box.setPlaceholderText(tr("Custom"))
        return box

    def _show_window(self) -> None:
        title = title_of(self.display.display.window)
        self.window_box.setCurrentIndex(self.window_box.findText(tr(title)) if title else -1)

    def _add_keys(self) -> None:
        for grade in GRADES:
            self._key(str(grade), lambda grade=grade: self.rows[self._row].choose(grade))
        for key, does in {
            "Right": lambda: self._go(1),
            "Return": lambda: self._go(1),
            "Left": lambda: self._go(-1),
            "Backspace": lambda: self._go(-1),
            "Up": lambda: self._ask(0),
            "Down": lambda: self._ask(1),
            "R": self.display.reset,
        }.items():
            self._key(key, does)
        for preset in presets():
            if preset.key is not None:
                self._key(f"Ctrl+{preset.key}", partial(self.display.update, window=preset.window))

    def _key(self, key: str, does: object) -> None:
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.activated.connect(does)

    # -- grading

    def _graded(self, number: int, _grade: int) -> None:
        """Go to the other question if it has no grade yet."""
        other = 1 - number
        self._ask(other if self.rows[other].grade is None else number)
        self.next.setEnabled(self._grades is not None)

    def _ask(self, number: int) -> None:
        """Choose the question that the number keys answer."""
        self._row = number
        for at, row in enumerate(self.rows):
            row.set_active(is_active=at == number)

    @property
    def _grades(self) -> tuple[int, int] | None:
        """Return the two grades; None if one is missing, or if the pair cannot be shown."""
        readability, correctness = (row.grade for row in self.rows)
        if readability is None or correctness is None or not self._is_shown:
            return None
        return readability, correctness

    def _go(self, step: int) -> None:
        """Save the grades and show another pair; a pair without grades cannot be skipped."""
        if (step > 0 and self._grades is None) or not self._save():
            return
        self._at = max(0, min(len(self._order) - 1, self._at + step))
        self._show_pair()

    def _save(self) -> bool:
        """Add the grades of the pair to the file if they are new; return False, and say why, if that failed."""
        pair = self._order[self._at]
        grades, before = self._grades, self._rated.get(pair.id)
        if grades is None or (before is not None and grades == before.grades):
            return True
        try:
            self._rated[pair.id] = self._file.add(pair.id, *grades)
        except MarviewError as why:
            self._warn(str(why))
            return False
        return True

    def _warn(self, sentence: str) -> None:
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))

    def _show_pair(self) -> None:
        pair = self._order[self._at]
        self._warn("")
        try:
            self.pictures.show_pair(*self._study.images(pair), pair.pixel_mm)
            self._is_shown = True
        except MarviewError as why:
            self._is_shown = False
            self.pictures.show_nothing()
            self._warn(str(why))
        known = self._rated.get(pair.id)
        for row, grade in zip(self.rows, known.grades if known else (None, None), strict=True):
            row.show_grade(grade)
        self._ask(0)
        self._show_window()
        self.back.setEnabled(self._at > 0)
        self.next.setEnabled(known is not None)
        words = tr("Pair {} of {}").format(self._at + 1, len(self._order))
        if self.is_complete:
            words += ". " + tr("All pairs are graded. Close the window, or go back to change grades.")
        self.progress.setText(words)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save the grades of the pair in view; if this fails the first time, explain why and stay open."""
        if not self._save() and not self._has_warned:
            self._has_warned = True
            event.ignore()
            return
        super().closeEvent(event)
