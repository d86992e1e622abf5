"""The bar above the panes: open, layout, HU window, overlays and comparison."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolBar, QToolButton, QWidget

from marview.gui.actions import Actions
from marview.session.display import Display
from marview.session.presets import presets
from marview.session.session import Session
from marview.text import tr

WITH_WORDS = frozenset({"open", "layout"})
"""Groups whose buttons show a title beside the icon."""

OWN = "own"


class ToolBar(QToolBar):
    """Tool bar with the most frequently used actions."""

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("Tools"), parent)
        self._session = session
        self.setMovable(False)
        self.setIconSize(QSize(20, 20))
        self.toggleViewAction().setEnabled(False)
        for name, group in actions.groups().items():
            if name == "help":
                space = QWidget()
                space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
                self.addWidget(space)
            for action in group:
                self._add(action, has_words=name in WITH_WORDS)
            if name != "help":
                self.addSeparator()
            if name == "layout":
                self.window_box = self._make_window_box()
                self.addWidget(self.window_box)
        session.view.changed.connect(self._follow)
        session.library.started.connect(lambda _loaded: self._show_window(session.view.display))

    def _add(self, action: QAction, *, has_words: bool) -> None:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        style = Qt.ToolButtonStyle
        button.setToolButtonStyle(style.ToolButtonTextBesideIcon if has_words else style.ToolButtonIconOnly)
        button.setAccessibleName(action.text())
        self.addWidget(button)

    def _make_window_box(self) -> QComboBox:
        box = QComboBox()
        box.setMinimumContentsLength(14)
        box.setMaxVisibleItems(20)
        box.setToolTip(tr("HU window (keys 0 to 9)"))
        box.setAccessibleName(tr("HU window"))
        box.addItem(tr("From the file"), OWN)
        for preset in presets():
            width, level = preset.window.width_hu, preset.window.level_hu
            box.addItem(f"{tr(preset.title)}   {width:g} / {level:g}", preset.window)
        box.activated.connect(self._choose)
        box.setEnabled(False)
        return box

    def _choose(self, at: int) -> None:
        window = self.window_box.itemData(at)
        if window == OWN:
            self._session.set_preset(0)
        else:
            self._session.view.update(window=window)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if "window" in names or "slice_count" in names:
            self._show_window(display)

    def _show_window(self, display: Display) -> None:
        self.window_box.setEnabled(display.slice_count > 0)
        found = next((at for at, preset in enumerate(presets(), start=1) if preset.window == display.window), -1)
        with QSignalBlocker(self.window_box):
            self.window_box.setCurrentIndex(found)
            if found < 0:
                self.window_box.setPlaceholderText(
                    tr("Width {:.0f}   level {:.0f}").format(display.window.width_hu, display.window.level_hu)
                )
        self.window_box.update()
