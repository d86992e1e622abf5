"""A bar with a question and two buttons; it stays until answered and does not block the window."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from marview.gui.icons import pixmap
from marview.gui.label import Label
from marview.session.messages import Messages, Question
from marview.text import tr


class QuestionBar(QFrame):
    """Bar that shows the first pending question."""

    def __init__(self, messages: Messages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Question] = []
        self.setObjectName("message")
        self.setProperty("severity", "warning")
        picture = Label()
        picture.setPixmap(pixmap("warning", 20, "warning", self.devicePixelRatioF()))
        self.text = Label()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.yes, self.no = QPushButton(), QPushButton()
        self.yes.setObjectName("primary")
        self.yes.clicked.connect(lambda: self._answer(is_yes=True))
        self.no.clicked.connect(lambda: self._answer(is_yes=False))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 8)
        row.setSpacing(10)
        row.addWidget(picture)
        row.addWidget(self.text, 1)
        row.addWidget(self.no)
        row.addWidget(self.yes)
        QWidget.setTabOrder(self.yes, self.no)  # the first button in tab order is the safe answer
        messages.asked.connect(self.ask)
        messages.withdrawn.connect(self.withdraw)
        self.hide()

    def ask(self, question: Question) -> None:
        """Add a question to the end of the queue."""
        self._waiting.append(question)
        self._show()

    def withdraw(self, question: Question) -> None:
        """Remove a question from the queue."""
        self._waiting = [one for one in self._waiting if one is not question]
        self._show()

    def _answer(self, *, is_yes: bool) -> None:
        question = self._waiting.pop(0)
        self._show()
        question.answer(is_yes)

    def _show(self) -> None:
        self.setVisible(bool(self._waiting))
        if self._waiting:
            question = self._waiting[0]
            self.text.setText(question.sentence)
            self.setAccessibleName(question.sentence)
            self.yes.setText(tr(question.yes))
            self.no.setText(tr(question.no))
