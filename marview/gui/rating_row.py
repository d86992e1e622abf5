"""A rating question with five grades."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from marview.gui.label import Label
from marview.reader_study.ratings import GRADES


class RatingRow(QWidget):
    """Five buttons, one for each grade; at most one is on.

    Args:
        title: name of the criterion.
        question: question that the grades answer.
    """

    chosen = Signal(int)

    def __init__(self, title: str, question: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Label(title)
        self._title.setMinimumWidth(110)
        words = Label(question)
        words.setObjectName("muted")
        self.buttons: dict[int, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._title)
        for grade in GRADES:
            button = QToolButton()
            button.setText(str(grade))
            button.setCheckable(True)
            button.setMinimumSize(44, 32)
            button.setAccessibleName(f"{title}: {grade}")
            button.clicked.connect(lambda _=False, grade=grade: self.choose(grade))
            self._group.addButton(button, grade)
            self.buttons[grade] = button
            row.addWidget(button)
        row.addSpacing(10)
        row.addWidget(words)
        row.addStretch(1)

    @property
    def grade(self) -> int | None:
        """Return the chosen grade; None if there is none."""
        grade = self._group.checkedId()
        return grade if grade in GRADES else None

    def choose(self, grade: int) -> None:
        """Select a grade and report the choice."""
        self.buttons[grade].setChecked(True)
        self.chosen.emit(grade)

    def show_grade(self, grade: int | None) -> None:
        """Show a grade, or none, without reporting the change."""
        if grade is not None:
            self.buttons[grade].setChecked(True)
            return
        self._group.setExclusive(False)
        for button in self.buttons.values():
            button.setChecked(False)
        self._group.setExclusive(True)

    def set_active(self, *, is_active: bool) -> None:
        """Show whether the number keys answer this question."""
        font = self._title.font()
        font.setBold(is_active)
        self._title.setFont(font)
