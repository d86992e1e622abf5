"""The slice as it was read, with the metal mask."""

from PySide6.QtWidgets import QWidget

from marview.gui.panes.slice_pane import SlicePane
from marview.gui.text import tr
from marview.session.picture import Picture
from marview.session.session import Session


class OriginalPane(SlicePane):
    """The source, never altered."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("original", tr("Original"), session, parent)

    def picture(self) -> Picture | None:
        """The slice in view."""
        return self.session.original()
