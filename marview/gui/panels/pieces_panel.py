"""Panel that lists the pieces of metal, switches each on or off, and goes to a clicked piece."""

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from marview.geometry import SliceNumbers
from marview.gui.label import Label
from marview.gui.panels.folding import FoldingSection
from marview.session.pieces import Piece
from marview.session.session import Session
from marview.text import tr, translatable

SETTLE_MS = 400
MOST_PX = 170
COLUMNS = ("mm³", translatable("mean HU"), translatable("max"), translatable("slices"))


class PiecesPanel(FoldingSection):
    """List with one row per piece of metal, largest first."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Pieces of metal"), parent, is_open=True)
        self._session = session
        self._rows: list[Piece] = []
        self.list = QTreeWidget()
        self.list.setObjectName("pieces")
        self.list.setAccessibleName(tr("Pieces of metal"))
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setIndentation(0)
        self.list.setHeaderLabels([tr(title) for title in COLUMNS])
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.more = Label()
        self.more.setObjectName("muted")
        self.column.addWidget(self.list)
        self.column.addWidget(self.more)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(session.pieces.list_anew)
        session.metal.changed.connect(self._wait)
        session.pieces.changed.connect(self.refresh)
        self.list.itemChanged.connect(self._switch)
        self.list.itemClicked.connect(lambda item, column: self._go(item) if column else None)
        self.list.itemActivated.connect(lambda item, _column: self._go(item))
        self.refresh()

    def refresh(self) -> None:
        """Update the list of pieces."""
        pieces = self._session.pieces
        self.setVisible(bool(pieces.listed))
        self._rows = list(pieces.listed)
        with QSignalBlocker(self.list):
            self.list.clear()
            self.list.addTopLevelItems([_row(piece, self._session.view.display.numbers) for piece in self._rows])
        row_px = self.list.sizeHintForRow(0) if self._rows else 0
        self.list.setFixedHeight(min(MOST_PX, self.list.header().sizeHint().height() + len(self._rows) * row_px + 4))
        self.more.setText(tr("and {} smaller ones").format(pieces.smaller))
        self.more.setVisible(pieces.smaller > 0)

    def _wait(self) -> None:
        """Update the list once the mask stops changing; until then it shows the earlier mask."""
        self.more.setText(tr("Counting pieces of the changed mask …"))
        self.more.setVisible(not self._session.metal.is_painting)
        self._settle.start()

    def _switch(self, item: QTreeWidgetItem, column: int) -> None:
        at = self.list.indexOfTopLevelItem(item)
        if column == 0 and 0 <= at < len(self._rows):
            is_on = item.checkState(0) is Qt.CheckState.Checked
            self._session.pieces.switch(self._rows[at], is_on=is_on)
            self._rows = list(self._session.pieces.listed)

    def _go(self, item: QTreeWidgetItem) -> None:
        at = self.list.indexOfTopLevelItem(item)
        if 0 <= at < len(self._rows):
            self._session.pieces.go_to(self._rows[at])


def _row(piece: Piece, numbers: SliceNumbers) -> QTreeWidgetItem:
    component = piece.component
    slices = component.box[0]
    first, last = sorted((numbers.number(slices.start), numbers.number(slices.stop - 1)))
    reach = f"{first}" if first == last else f"{first}–{last}"
    volume = component.volume_mm3
    texts = [f"{volume:.0f}" if volume >= 10 else f"{volume:.1f}"]
    texts += [f"{component.mean_hu:.0f}", f"{component.highest_hu}", reach]
    item = QTreeWidgetItem(texts)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    item.setCheckState(0, Qt.CheckState.Checked if piece.is_on else Qt.CheckState.Unchecked)
    for column in range(4):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    densest = numbers.number(component.densest_zyx[0])
    item.setToolTip(3, tr("Click to go to its densest voxel in slice {}").format(densest))
    return item
