"""Words on screen pass through here, so that they can be translated."""

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """The text in the person's language."""
    return QCoreApplication.translate("marview", text)
