"""Translation of the window's texts."""

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Return the text in the user's language."""
    return QCoreApplication.translate("marview", text)
