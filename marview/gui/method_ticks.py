"""A button with a menu for ticking methods; the menu stays open while the user ticks methods."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from marview.gui.icons import icon
from marview.gui.label import tooltip
from marview.session.methods import Methods
from marview.text import tr


class MethodTicks(QToolButton):
    """Button for choosing one or more usable methods; initially, the current method is ticked.

    Args:
        methods: installed methods.
        name: accessible name.
    """

    changed = Signal()

    def __init__(self, methods: Methods, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._methods = methods
        self._ticks: dict[str, QAction] = {}
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAccessibleName(name)
        self.setObjectName("choice")
        self.setIcon(icon("chevron", "muted"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the words
        self.setMenu(_StayingMenu(self))
        methods.listed.connect(self._list)
        methods.chosen.connect(self._list)
        self._list()

    @property
    def chosen(self) -> tuple[str, ...]:
        """Return the identifiers of the ticked methods."""
        return tuple(name for name, tick in self._ticks.items() if tick.isChecked())

    def tick(self, method: str, *, is_on: bool = True) -> None:
        """Tick or untick a method."""
        self._ticks[method].setChecked(is_on)

    def _list(self, *_: object) -> None:
        usable = self._methods.usable
        if list(self._ticks) != [one.id for one in usable]:
            ticked = self.chosen
            self.menu().clear()
            self._ticks = {}
            for one in usable:
                assert one.manifest is not None
                tick = QAction(tr(one.manifest.title), self.menu())
                tick.setCheckable(True)
                tick.setChecked(one.id in ticked)
                tick.toggled.connect(self._show)
                self.menu().addAction(tick)
                self._ticks[one.id] = tick
        if not self.chosen and self._methods.current is not None:
            self.tick(self._methods.current.id)
        self._show()

    def _show(self, *_: object) -> None:
        titles = [self._ticks[name].text() for name in self.chosen]
        self.setText(titles[0] if len(titles) == 1 else tr("{} methods").format(len(titles)))
        self.setToolTip(tooltip(", ".join(titles)))
        self.changed.emit()


class _StayingMenu(QMenu):
    """A menu that stays open when an entry is ticked with a click or the space bar."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick the method under the mouse."""
        action = self.actionAt(event.position().toPoint())
        if action is not None and event.button() == Qt.MouseButton.LeftButton:
            action.toggle()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick the highlighted method with the space bar."""
        action = self.activeAction()
        if action is not None and event.key() == Qt.Key.Key_Space:
            action.toggle()
        else:
            super().keyPressEvent(event)
