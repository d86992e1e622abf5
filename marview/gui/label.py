"""Labels and tool tips that show text from files as plain text, never as HTML."""

import html
import textwrap

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

TIP_CHARACTERS = 72
"""Maximum number of characters in a line of a tool tip."""


class Label(QLabel):
    """A label that shows plain text; a QLabel would render HTML and load its images."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def tooltip(text: str) -> str:
    """Escape text for a tool tip, which would otherwise render HTML, and wrap long lines.

    >>> tooltip("Pelvis <b>2.0</b>")
    '<qt>Pelvis &lt;b&gt;2.0&lt;/b&gt;</qt>'
    >>> tooltip("Pelvis 2.0")
    'Pelvis 2.0'
    """
    if "<" in text or "&" in text:
        return f"<qt>{html.escape(text, quote=False).replace(chr(10), '<br>')}</qt>"
    return wrapped(text)


def wrapped(tip: str) -> str:
    """Wrap the long lines of a tool tip, because Qt does not wrap them."""
    return "\n".join(textwrap.fill(line, TIP_CHARACTERS, break_on_hyphens=False) for line in tip.split("\n"))
