"""Greyscale bar of a difference image, in a corner of its pane."""

from collections.abc import Sequence

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from marview.gui.scale_bar import ScaleBar
from marview.text import tr
from marview.volume.window import HuWindow

BLACK, WHITE = QColor(0, 0, 0), QColor(255, 255, 255)


class GreyBar(ScaleBar):
    """Greyscale bar that shows the HU window of a difference image."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host, tr("Scale of the difference"))
        self.window_hu: HuWindow | None = None
        self.is_inverted = False

    @property
    def colours(self) -> Sequence[QColor]:
        """Return black and white, in reverse order if the pane is inverted."""
        return (WHITE, BLACK) if self.is_inverted else (BLACK, WHITE)

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return the lower end, the middle and the upper end of the HU window."""
        if self.window_hu is None:
            return "", "", ""
        low, high = self.window_hu.low_hu, self.window_hu.high_hu
        return f"{low:+.0f}", f"{(low + high) / 2:+.0f}".replace("+0", "0"), f"{high:+.0f} HU"

    def show_scale(self, window: HuWindow | None, *, is_inverted: bool) -> None:
        """Show the scale for an HU window; None hides the scale."""
        self.window_hu, self.is_inverted = window, is_inverted
        self.setVisible(window is not None)
        self.place()
        self.update()
