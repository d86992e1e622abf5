"""Everything a person can do, as rows of data: menus, keys, the toolbar and the shortcut sheet are made from them."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from marview.gui.icons import icon
from marview.gui.text import tr
from marview.session.presets import presets


@dataclass(frozen=True)
class Row:
    """One thing to do.

    Attributes:
        id: names it.
        title: what menus call it.
        menu: the menu it is in, "Menu" or "Menu/Submenu"; empty for keys only.
        keys: key sequences that do it.
        icon: name of its icon.
        is_checkable: whether it is on or off.
        needs: what must be there: "series", "volume" (a series that can be corrected), "metal", "mask" (metal that can
            be corrected now), "undo" and "redo" (a change of the mask to take back or make again), "result", "sweep",
            "cancel" (something to cancel); empty for nothing.
    """

    id: str
    title: str
    menu: str = ""
    keys: tuple[str, ...] = ()
    icon: str = ""
    is_checkable: bool = False
    needs: str = ""


ROWS: tuple[Row, ...] = (
    Row("open_folder", "Open folder …", "File", ("Ctrl+O",), "open"),
    Row("open_file", "Open file or zip …", "File", ("Ctrl+Shift+O",), "file"),
    Row("open_demo", "Open the demo study", "File", (), "demo"),
    Row("import_mask", "Import metal mask …", "File", ("Ctrl+I",), "import", needs="volume"),
    Row("export_mask", "Export metal mask …", "File", ("Ctrl+Shift+E",), "export", needs="metal"),
    Row("export", "Export …", "File", ("Ctrl+E",), "export", needs="result"),
    Row("quit", "Quit", "File", ("Ctrl+Q",)),
    Row("layout_read", "Read", "View/Layout", ("Ctrl+1",), "layout_read", is_checkable=True),
    Row("layout_mar", "MAR", "View/Layout", ("Ctrl+2",), "layout_mar", is_checkable=True),
    Row("layout_sensitivity", "Sensitivity", "View/Layout", ("Ctrl+3",), "layout_sensitivity", is_checkable=True),
    Row("reset", "Reset zoom and pan", "View", ("R",), "reset", needs="series"),
    Row("invert", "Invert", "View", ("I",), "invert", is_checkable=True, needs="series"),
    Row("overlays", "Overlays", "View", ("O",), is_checkable=True, needs="series"),
    Row("mask", "Metal mask", "View", ("M",), "mask", is_checkable=True, needs="series"),
    Row("trace", "Metal trace", "View", ("T",), "trace", is_checkable=True, needs="series"),
    Row("changed", "Changed pixels", "View", ("Shift+C",), "changed", is_checkable=True, needs="result"),
    Row("consistency", "Consistency", "View", ("Shift+K",), "consistency", is_checkable=True, needs="result"),
    Row("spread", "Sensitivity map", "View", ("Shift+V",), "spread", is_checkable=True, needs="sweep"),
    Row("swipe", "Swipe original and result", "View", ("S",), "swipe", is_checkable=True, needs="result"),
    Row("difference", "Difference", "View", ("F",), "difference", is_checkable=True, needs="result"),
    Row("hold_original", "Show the original while held", "", ("X",), needs="result"),
    Row("maximise", "Maximise the pane", "View", ("Ctrl+Return",), "maximise", is_checkable=True, needs="series"),
    Row("next_region", "Series, panes, metal and method", "View", ("F6",)),
    Row("next_pane", "Next pane", "", ("Tab",), needs="series"),
    Row("full_screen", "Full screen", "View", ("F11",), is_checkable=True),
    Row("previous_slice", "Previous slice", "Go", ("Up",), needs="series"),
    Row("next_slice", "Next slice", "Go", ("Down",), needs="series"),
    Row("back_ten", "Ten slices back", "Go", ("Shift+Up",), needs="series"),
    Row("on_ten", "Ten slices on", "Go", ("Shift+Down",), needs="series"),
    Row("first_slice", "First slice", "Go", ("Home",), needs="series"),
    Row("last_slice", "Last slice", "Go", ("End",), needs="series"),
    Row("previous_metal", "Previous slice with metal", "Go", ("Ctrl+Up",), needs="mask"),
    Row("next_metal", "Next slice with metal", "Go", ("Ctrl+Down",), needs="mask"),
    Row("previous_series", "Previous series", "Go", ("PgUp",), needs="series"),
    Row("next_series", "Next series", "Go", ("PgDown",), needs="series"),
    Row("find_metal", "Find metal", "Metal", ("Ctrl+M",), "adaptive", needs="volume"),
    Row("brush", "Brush", "Metal/Tools", ("B",), "brush", is_checkable=True, needs="volume"),
    Row("eraser", "Eraser", "Metal/Tools", ("E",), "eraser", is_checkable=True, needs="volume"),
    Row("freehand", "Freehand outline", "Metal/Tools", ("L",), "freehand", is_checkable=True, needs="volume"),
    Row("polygon", "Polygon", "Metal/Tools", ("Shift+L",), "polygon", is_checkable=True, needs="volume"),
    Row("grow", "Grow from a click", "Metal/Tools", ("G",), "grow", is_checkable=True, needs="volume"),
    Row("box", "Keep within a box", "Metal/Tools", ("W",), "box", is_checkable=True, needs="volume"),
    Row("sphere", "Sphere instead of disc", "Metal/Tools", ("Shift+B",), "sphere", is_checkable=True, needs="volume"),
    Row("smaller", "Smaller brush", "Metal/Tools", ("[",), needs="volume"),
    Row("larger", "Larger brush", "Metal/Tools", ("]",), needs="volume"),
    Row("grow_mask", "Grow the mask", "Metal/Mask", ("Ctrl+]",), needs="metal"),
    Row("shrink_mask", "Shrink the mask", "Metal/Mask", ("Ctrl+[",), needs="metal"),
    Row("fill_holes", "Fill holes", "Metal/Mask", ("Shift+H",), needs="metal"),
    Row("smooth_mask", "Smooth", "Metal/Mask", ("Shift+S",), needs="metal"),
    Row("interpolate", "Interpolate between slices", "Metal/Mask", ("Shift+I",), needs="metal"),
    Row("copy_next", "Copy to the next slice", "Metal/Mask", ("C",), needs="metal"),
    Row("keep_piece", "Keep only the piece under the cursor", "Metal/Mask", ("K",), needs="metal"),
    Row("drop_piece", "Drop the piece under the cursor", "Metal/Mask", ("Del",), needs="metal"),
    Row("clear_mask", "Clear the mask", "Metal/Mask", (), needs="metal"),
    Row("undo", "Undo", "Metal", ("Ctrl+Z",), "undo", needs="undo"),
    Row("redo", "Redo", "Metal", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", needs="redo"),
    Row("reduce", "Reduce artifacts", "Metal", ("Ctrl+R",), "reduce", needs="mask"),
    Row("cancel", "Cancel the run, else put the tool away", "Metal", ("Esc",), "cancel", needs="cancel"),
    Row("shortcuts", "Keys and mouse", "Help", ("?",), "keyboard"),
    Row("about", "About marview", "Help"),
)

PRESET_ROWS: tuple[Row, ...] = (
    Row("preset_file", "The file's own", "View/HU window", ("0",), needs="series"),
    *(
        Row(
            f"preset_{at}",
            f"{preset.title}  {preset.window.width_hu:g} / {preset.window.level_hu:g}",
            "View/HU window",
            (str(preset.key),) if preset.key is not None else (),
            needs="series",
        )
        for at, preset in enumerate(presets())
    ),
)

MOUSE: tuple[tuple[str, str], ...] = (
    ("Left drag", "Width (right: wider) and level (down: darker)"),
    ("Middle drag", "Pan"),
    ("Right drag", "Zoom"),
    ("Right click", "Menu"),
    ("Wheel", "Slices"),
    ("Ctrl + wheel", "Zoom at the cursor"),
    ("Shift + wheel", "Brush radius"),
    ("Shift + move", "Linked crosshair"),
    ("Left, with a tool", "Paint"),
    ("Alt + left, with a tool", "Width and level"),
    ("Double click, polygon", "Close it"),
    ("Double click", "Maximise the pane"),
    ("Hover an image", "Its sinusoid in the sinogram"),
    ("Hover a sinogram", "Its ray in the images"),
)

MENUS = ("File", "View", "Go", "Metal", "Help")


class Actions:
    """The rows made into Qt actions of a window; their keys work whatever in it has the focus."""

    def __init__(self, window: QWidget, commands: dict[str, Callable[[], object]]) -> None:
        self._rows = {row.id: row for row in (*ROWS, *PRESET_ROWS)}
        self._actions: dict[str, QAction] = {}
        for row in self._rows.values():
            if row.id not in commands:
                continue
            action = QAction(tr(row.title), window)
            action.setCheckable(row.is_checkable)
            action.setShortcuts([QKeySequence(key) for key in row.keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            if row.icon:
                action.setIcon(icon(row.icon))
            action.setToolTip(f"{tr(row.title)}  ({row.keys[0]})" if row.keys else tr(row.title))
            action.triggered.connect(lambda _checked=False, call=commands[row.id]: call())
            window.addAction(action)
            self._actions[row.id] = action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Make the menus; gives them by their path."""
        menus = {name: bar.addMenu(tr(name)) for name in MENUS}
        for row in self._rows.values():
            if not row.menu or row.id not in self._actions:
                continue
            if row.menu not in menus:
                parent, _, name = row.menu.partition("/")
                menus[row.menu] = menus[parent].addMenu(tr(name))
            menus[row.menu].addAction(self._actions[row.id])
        return menus

    def enable(self, present: frozenset[str]) -> None:
        """Enable what can be done with what is there."""
        for name, action in self._actions.items():
            needs = self._rows[name].needs
            action.setEnabled(not needs or needs in present)

    def check(self, name: str, *, is_on: bool) -> None:
        """Show an action as on or off."""
        self._actions[name].setChecked(is_on)
