"""Ask for confirmation if closing would discard unsaved work."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from marview.text import tr


class CloseQuestion(QMessageBox):
    """Dialog that lists the unsaved work and emits `accepted` if the user closes anyway."""

    def __init__(self, unsaved: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle(tr("Close marview"))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(tr("Close marview and lose unsaved work?"))
        self.setInformativeText("\n".join(f"• {one[:1].upper()}{one[1:]}" for one in unsaved))
        self.leave = self.addButton(tr("Close without saving"), QMessageBox.ButtonRole.AcceptRole)
        self.stay = self.addButton(tr("Keep working"), QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.stay)
        self.setEscapeButton(self.stay)
