"""A message bar; info and success messages disappear after a while, others stay until closed."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from marview.gui.icons import icon, pixmap
from marview.gui.label import Label
from marview.session.messages import Message, Messages, Severity
from marview.text import tr
from marview.told import told

GOOD_NEWS_MS = 6000
COLOURS = {
    Severity.INFO: "accent_hover",
    Severity.SUCCESS: "success",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
}


class MessageBar(QFrame):
    """Bar that shows the latest message."""

    def __init__(self, messages: Messages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self.picture = Label()
        self.text = Label()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton()
        close.setObjectName("quiet")
        close.setIcon(icon("close", "muted"))
        close.setAccessibleName(tr("Close the message"))
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(10)
        row.addWidget(self.picture)
        row.addWidget(self.text, 1)
        row.addWidget(close)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self.hide)
        self._shown: Message | None = None
        messages.said.connect(self.show_message)
        messages.unsaid.connect(self._unsay)
        self.hide()

    def show_message(self, message: Message) -> None:
        """Show a message."""
        self._shown = message
        sentence = told(message.sentence)  # errors of methods and files arrive in English
        self.text.setText(sentence)
        self.setAccessibleName(sentence)
        ratio = self.devicePixelRatioF()
        self.picture.setPixmap(pixmap(message.severity.value, 20, COLOURS[message.severity], ratio))
        self.setProperty("severity", message.severity.value)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
        if message.severity in {Severity.INFO, Severity.SUCCESS}:
            self._clock.start(GOOD_NEWS_MS)
        else:
            self._clock.stop()

    def _unsay(self, message: Message) -> None:
        if message is self._shown:
            self.hide()
