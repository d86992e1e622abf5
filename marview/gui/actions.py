"""Actions defined as table rows, and the Qt actions, menus and tool bar groups built from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from marview.gui.icons import icon
from marview.session.session import Session
from marview.text import tr, translatable

if TYPE_CHECKING:
    from marview.gui.commands import Commands

MENUS = {
    "File": translatable("&File"),
    "View": translatable("&View"),
    "Go": translatable("&Go"),
    "Measure": translatable("M&easure"),
    "Metal": translatable("&Metal"),
    "Help": translatable("&Help"),
}
"""The menus and their titles; the letter behind & opens them."""

SUBMENUS = {
    "Layout": translatable("Layout"),
    "Orientation": translatable("Orientation"),
    "Comparison": translatable("Compare with the original"),
    "Panels": translatable("Panels"),
    "Slab": translatable("Slab"),
    "Oblique": translatable("Oblique"),
    "HU window": translatable("HU window"),
    "Other series": translatable("Other series"),
    "Style": translatable("Style"),
    "Language": translatable("Language"),
    "Tools": translatable("Tools"),
    "Mask": translatable("Mask"),
}
"""The submenus and their titles."""


@dataclass(frozen=True)
class Row:
    """A user action, defined as a row of the action table.

    Attributes:
        id: unique name.
        title: title in menus.
        menu: menu path, "Menu" or "Menu/Submenu"; empty for actions without a menu entry.
        keys: key sequences that trigger the action.
        icon: name of the icon.
        needs: condition that enables the action, a name in `marview.gui.action_state.NEEDS`; empty for none.
        bar: tool bar group; empty for none.
        does: function to call; None if another part of the window handles the keys.
        is_on: function that returns whether the action is on; None for actions that cannot be switched on
            and off.
        figures: numbers to add to the title.
        starts_group: whether a line in the menu separates the action from the actions above.
    """

    id: str
    title: str
    menu: str = ""
    keys: tuple[str, ...] = ()
    icon: str = ""
    needs: str = ""
    bar: str = ""
    does: "Callable[[Commands], object] | None" = None
    is_on: Callable[[Session], bool] | None = None
    figures: str = ""
    starts_group: bool = False

    @property
    def words(self) -> str:
        """Return the translated menu title, including the figures."""
        return f"{tr(self.title)}  {self.figures}" if self.figures else tr(self.title)


class Actions:
    """Qt actions of a window, built from rows; their shortcuts work whichever widget has the focus."""

    def __init__(self, window: QWidget, rows: Sequence[Row], commands: "Commands") -> None:
        self.rows = tuple(row for row in rows if row.does is not None)
        self._actions: dict[str, QAction] = {}
        self._shown: dict[str, bool] = {}
        for row in self.rows:
            assert row.does is not None
            action = QAction(row.words, window)
            action.setCheckable(row.is_on is not None)
            action.setShortcuts([QKeySequence(key) for key in row.keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            if row.icon:
                action.setIcon(icon(row.icon))
            action.triggered.connect(partial(self._do, row.does, commands))
            window.addAction(action)
            self._actions[row.id] = action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Create the menus and return them by path."""
        menus = {name: bar.addMenu(tr(title)) for name, title in MENUS.items()}
        for row in self.rows:
            if not row.menu:
                continue
            if row.menu not in menus:
                parent, _, name = row.menu.partition("/")
                menus[row.menu] = menus[parent].addMenu(tr(SUBMENUS[name]))
            if row.starts_group:
                menus[row.menu].addSeparator()
            menus[row.menu].addAction(self._actions[row.id])
        return menus

    def groups(self) -> dict[str, list[QAction]]:
        """Return the tool bar actions by group, in row order."""
        groups: dict[str, list[QAction]] = {}
        for row in self.rows:
            if row.bar:
                groups.setdefault(row.bar, []).append(self._actions[row.id])
        return groups

    def update(self, session: Session, reasons: Mapping[str, str], present: Iterable[str]) -> None:
        """Enable the actions whose conditions are met; tool tips of the others explain what is missing.

        Args:
            session: the session.
            reasons: explanation for each condition that is not met, by name.
            present: names of the conditions that are met.
        """
        there = frozenset(present)
        for row in self.rows:
            action, is_possible = self._actions[row.id], not row.needs or row.needs in there
            if self._shown.get(row.id) is not is_possible:
                self._shown[row.id] = is_possible
                tip = f"{row.words}  ({key_words(row.keys[0])})" if row.keys else row.words
                action.setEnabled(is_possible)
                words = tip if is_possible else f"{tip}\n{tr(reasons[row.needs])}"
                action.setToolTip(words)
        self.check(session)

    def check(self, session: Session) -> None:
        """Update which actions are checked."""
        for row in self.rows:
            if row.is_on is not None:
                self._actions[row.id].setChecked(row.is_on(session))

    def _do(self, does: "Callable[[Commands], object]", commands: "Commands", _is_checked: bool = False) -> None:  # noqa: FBT001, FBT002 - Qt passes it
        does(commands)
        self.check(commands.session)  # Qt checks a clicked action even if nothing came of it


def key_words(key: str) -> str:
    """Return the localised name of a key sequence, such as Strg+O in German."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
