"""Show a frame and a hint over the window while files are dragged over it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from marview.gui.label import Label
from marview.text import tr

MARGIN_PX = 6


class DropHint(Label):
    """Frame that covers the window while files are dragged over it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(tr("Drop to open"), window)
        self.setObjectName("dropHint")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_over(self) -> None:
        """Show the hint over the window."""
        self.setGeometry(self.window().rect().adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX))
        self.show()
        self.raise_()
