"""Text on screen that may come from a file: shown letter for letter, never as rich text."""

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


class Label(QLabel):
    """A label that shows its text letter for letter; a QLabel renders HTML and loads its images."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def tooltip(text: str) -> str:
    """The text as a tool tip shows it letter for letter; a tool tip has no text format of its own.

    >>> tooltip("Pelvis <b>2.0</b>")
    '<qt>Pelvis &lt;b&gt;2.0&lt;/b&gt;</qt>'
    >>> tooltip("Pelvis 2.0")
    'Pelvis 2.0'
    """
    if "<" not in text and "&" not in text:
        return text
    return f"<qt>{html.escape(text, quote=False).replace(chr(10), '<br>')}</qt>"
