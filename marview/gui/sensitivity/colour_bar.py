"""The colour scale of the sensitivity map, in a corner of its pane."""

from collections.abc import Sequence

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from marview.gui.scale_bar import ScaleBar
from marview.gui.sensitivity import colours
from marview.text import tr


class ColourBar(ScaleBar):
    """Colour scale from 0 to the largest spread."""

    def __init__(self, host: QWidget) -> None:
        self.title = tr("Spread (SD)")
        super().__init__(host, tr("Scale of the sensitivity map"))
        self.strongest_hu = 0.0

    @property
    def colours(self) -> Sequence[QColor]:
        """Return the colours of the map."""
        return colours.scale()

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return 0, half of the largest spread and the largest spread."""
        return "0", f"{self.strongest_hu / 2:g} HU", f"{self.strongest_hu:g} HU"

    def show_scale(self, strongest_hu: float | None) -> None:
        """Show the scale for the largest spread in HU; None hides the scale."""
        self.setVisible(strongest_hu is not None)
        if strongest_hu is not None:
            self.strongest_hu = strongest_hu
            self.place()
            self.update()
