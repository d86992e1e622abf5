"""Thumbnails of the current slice, one per variant; clicking one shows that variant in the main pane."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap, QShowEvent
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem, QWidget

from marview.gui.label import tooltip
from marview.gui.palette import on_image
from marview.gui.sensitivity import colours
from marview.session.display import Display
from marview.session.session import Session
from marview.session.swept import ORIGINAL, Swept
from marview.text import tr

WIDTH_PX, HEIGHT_PX = 132, 100
SOON_MS = 40
MARK_PX = 4


class Strip(QListWidget):
    """Row of thumbnails with the current HU window, labelled by method and margin."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setAccessibleName(tr("Variants"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setIconSize(QSize(WIDTH_PX, HEIGHT_PX))
        line = self.fontMetrics().height()
        self.setGridSize(QSize(WIDTH_PX + 16, HEIGHT_PX + 2 * line + 16))
        self.setFixedHeight(HEIGHT_PX + 2 * line + 34)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON_MS)
        self._timer.timeout.connect(self._draw)
        self.currentItemChanged.connect(self._choose)
        session.sensitivity.found.connect(self._fill)
        session.sensitivity.chosen.connect(self._mark)
        session.view.changed.connect(self._follow)
        self._fill()

    def item_of(self, name: str) -> QListWidgetItem | None:
        """Return the list item of a variant."""
        items = (self.item(at) for at in range(self.count()))
        return next((one for one in items if one.data(Qt.ItemDataRole.UserRole) == name), None)

    def showEvent(self, event: QShowEvent) -> None:
        """Redraw the thumbnails, because they are not updated while hidden."""
        super().showEvent(event)
        self._draw()

    def _fill(self) -> None:
        swept = self._session.sensitivity.swept
        blocker = QSignalBlocker(self)
        self.clear()
        for variant in swept.result.variants if swept is not None else ():
            if swept is None or variant.name not in swept.result.hu:
                continue
            title = swept.titles.get(variant.method, variant.method)
            item = QListWidgetItem(f"{variant.label}\n{title}" if title else f"{tr('Uncorrected')}\n")
            item.setData(Qt.ItemDataRole.UserRole, variant.name)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            item.setToolTip(tooltip(swept.title(variant)))
            item.setSizeHint(self.gridSize() - QSize(8, 8))
            self.addItem(item)
        del blocker
        self._mark()
        self._draw()

    def _mark(self) -> None:
        item = self.item_of(self._session.sensitivity.variant)
        blocker = QSignalBlocker(self)
        if item is not None:
            self.setCurrentItem(item)
            self.scrollToItem(item)
        del blocker

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self._session.sensitivity.choose(item.data(Qt.ItemDataRole.UserRole))

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if names & {"slice_index", "window", "is_inverted", "layout"}:
            self._timer.start()

    def _draw(self) -> None:
        """Draw the thumbnails of the slice in view."""
        swept, display = self._session.sensitivity.swept, self._session.view.display
        if swept is None or self.isHidden():
            return
        original = swept.picture(ORIGINAL, display.slice_index)
        tones = colours.of_variants(swept.result)
        body = None if original is None else _body(original.values)
        for at in range(self.count()):
            name = self.item(at).data(Qt.ItemDataRole.UserRole)
            self.item(at).setIcon(self._thumbnail(swept, name, display, body, tones.get(name, on_image("muted"))))

    def _thumbnail(
        self, swept: Swept, name: str, display: Display, body: tuple[slice, slice] | None, tone: QColor
    ) -> QIcon:
        ratio = self.devicePixelRatioF()
        tile = QPixmap(round(WIDTH_PX * ratio), round(HEIGHT_PX * ratio))
        tile.fill(Qt.GlobalColor.black)
        painter = QPainter(tile)
        picture = swept.picture(name, display.slice_index)
        if picture is None or body is None:
            painter.setPen(on_image("muted"))
            painter.setFont(self.font())
            painter.scale(ratio, ratio)
            area = tile.rect()
            area.setSize(QSize(WIDTH_PX, HEIGHT_PX))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr("slice not swept"))
        else:
            grey = display.window.grey(picture.values[body])
            grey = np.ascontiguousarray(255 - grey if display.is_inverted else grey)
            rows, columns = grey.shape
            image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            size = QSize(columns, round(rows * picture.pixel_mm[0] / picture.pixel_mm[1]))
            size.scale(tile.width(), tile.height() - round(MARK_PX * ratio), Qt.AspectRatioMode.KeepAspectRatio)
            smooth = Qt.TransformationMode.SmoothTransformation
            scaled = image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
            painter.drawImage((tile.width() - scaled.width()) // 2, 0, scaled)
            painter.fillRect(0, tile.height() - round(MARK_PX * ratio), tile.width(), tile.height(), tone)
        painter.end()
        tile.setDevicePixelRatio(ratio)
        made = QIcon()
        made.addPixmap(tile, QIcon.Mode.Normal)
        made.addPixmap(tile, QIcon.Mode.Selected)
        return made


def _body(hu: NDArray[np.int16]) -> tuple[slice, slice]:
    """Return the rows and columns of the body."""
    inside = hu > -500
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return slice(0, hu.shape[0]), slice(0, hu.shape[1])
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
