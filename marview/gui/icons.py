"""Icons rendered from the project's own SVG files in the text colour, sharp at every scale."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from marview.gui.palette import COLOURS
from marview.paths import resources


def _svg(name: str, colour_name: str) -> QByteArray:
    text = (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return QByteArray(text.replace("currentColor", COLOURS[colour_name]).encode())


def pixmap(name: str, size: int, colour_name: str = "text", ratio: float = 1.0) -> QPixmap:
    """Render an icon to a square pixmap; `size` is the edge length in logical pixels."""
    edge = round(size * ratio)
    image = QImage(edge, edge, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(_svg(name, colour_name)).render(painter, QRectF(0, 0, edge, edge))
    painter.end()
    picture = QPixmap.fromImage(image)
    picture.setDevicePixelRatio(ratio)
    return picture


@lru_cache(maxsize=128)
def icon(name: str, colour_name: str = "text") -> QIcon:
    """Return an icon that is grey when disabled and has the accent colour when checked."""
    made = QIcon()
    for size in (16, 20, 24, 32, 40, 48, 64):
        made.addPixmap(pixmap(name, size, colour_name), QIcon.Mode.Normal, QIcon.State.Off)
        made.addPixmap(pixmap(name, size, "faint"), QIcon.Mode.Disabled, QIcon.State.Off)
        made.addPixmap(pixmap(name, size, "focus"), QIcon.Mode.Normal, QIcon.State.On)
    return made


def application_icon() -> QIcon:
    """Return the application icon."""
    made = QIcon()
    for size in (16, 32, 48, 64, 128):
        made.addPixmap(pixmap("marview", size))
    return made
