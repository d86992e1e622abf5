"""A pane that shows a raster image."""

from PySide6.QtWidgets import QWidget

from marview.gui.image_view import ImageView
from marview.gui.panes.pane import Pane


class ImagePane(Pane):
    """A pane around an `ImageView`; gestures maximise the pane and open its menu."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        view = ImageView()
        super().__init__(name, title, view, parent)
        self.view = view
        self.view.gestures.double_clicked.connect(lambda: self.maximise_asked.emit(self.name))
        self.view.gestures.menu_asked.connect(self.menu_asked)
