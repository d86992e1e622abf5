"""What each row of the actions does to the session and the window."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMainWindow, QMessageBox, QWidget

from marview import __version__
from marview.gui.export_dialog import ExportDialog
from marview.gui.mask_dialogs import export_mask, import_mask
from marview.gui.pane_grid import PaneGrid
from marview.gui.shortcut_sheet import ShortcutSheet
from marview.gui.text import tr
from marview.session.demo import make_demo
from marview.session.display import Comparison, Layout, Overlay
from marview.session.presets import presets
from marview.session.session import Session
from marview.session.tools import Tool

ABOUT = (
    "<b>marview {}</b><br>CT with metal: its mask, its trace, and any metal artifact reduction method.<br><br>"
    "For research. Not for primary diagnosis; review every result with the uncorrected images."
)


class Commands:
    """The functions behind the actions of a window, by the id of their row."""

    def __init__(
        self, window: QMainWindow, session: Session, grid: PaneGrid, regions: Callable[[], list[QWidget]]
    ) -> None:
        self._window = window
        self._session = session
        self._grid = grid
        self._regions = regions
        self._sheet: ShortcutSheet | None = None
        self._export: ExportDialog | None = None

    def table(self) -> dict[str, Callable[[], object]]:
        """What to call for each row."""
        session, view = self._session, self._session.view
        rows: dict[str, Callable[[], object]] = {
            "open_folder": self._open_folder,
            "open_file": self._open_file,
            "open_demo": self.open_demo,
            "import_mask": lambda: import_mask(session, self._window),
            "export_mask": lambda: export_mask(session, self._window),
            "export": self.export,
            "quit": self._window.close,
            "layout_read": partial(view.update, layout=Layout.READ, maximised=""),
            "layout_mar": partial(view.update, layout=Layout.MAR, maximised=""),
            "layout_sensitivity": partial(view.update, layout=Layout.SENSITIVITY, maximised=""),
            "reset": view.reset,
            "invert": lambda: view.update(is_inverted=not view.display.is_inverted),
            "overlays": lambda: view.update(are_overlays_hidden=not view.display.are_overlays_hidden),
            "swipe": partial(view.compare, Comparison.SWIPE),
            "difference": partial(view.compare, Comparison.DIFFERENCE),
            "maximise": lambda: self._grid.maximise(view.display.active or "original"),
            "next_region": self._next_region,
            "full_screen": self._full_screen,
            "previous_slice": partial(view.scroll, -1),
            "next_slice": partial(view.scroll, 1),
            "back_ten": partial(view.scroll, -10),
            "on_ten": partial(view.scroll, 10),
            "first_slice": partial(view.go_to, 0),
            "last_slice": lambda: view.go_to(view.display.slice_count - 1),
            "previous_metal": partial(self._to_metal, -1),
            "next_metal": partial(self._to_metal, 1),
            "previous_series": partial(session.library.choose_neighbour, -1),
            "next_series": partial(session.library.choose_neighbour, 1),
            "find_metal": session.metal.find,
            "sphere": lambda: session.tools.update(is_sphere=not session.tools.settings.is_sphere),
            "smaller": partial(session.tools.resize, -1),
            "larger": partial(session.tools.resize, 1),
            "grow_mask": partial(session.edits.grow, 1),
            "shrink_mask": partial(session.edits.grow, -1),
            "fill_holes": session.edits.fill_holes,
            "smooth_mask": session.edits.smooth,
            "interpolate": session.edits.interpolate,
            "copy_next": session.edits.copy_to_next,
            "keep_piece": session.edits.keep_piece,
            "drop_piece": session.edits.drop_piece,
            "clear_mask": session.edits.clear,
            "undo": session.undo,
            "redo": session.redo,
            "reduce": session.reduce,
            "cancel": session.cancel,
            "shortcuts": self._show_sheet,
            "about": self._about,
            "preset_file": partial(session.set_preset, 0),
        }
        rows |= {tool.value: partial(session.tools.take, tool) for tool in Tool if tool is not Tool.NONE}
        rows |= {overlay.value: partial(view.toggle_overlay, overlay) for overlay in Overlay}
        rows |= {f"preset_{at}": partial(view.update, window=preset.window) for at, preset in enumerate(presets())}
        return rows

    def open_demo(self) -> None:
        """Make the demo study where it is not there yet, and open it."""
        session = self._session
        session.library.busy.emit(tr("Making the demo study (once) …"))

        def failed(sentence: str) -> None:
            session.library.busy.emit("")
            session.messages.error(sentence)

        is_cancelled = session.background.is_closed
        session.background.run(lambda: make_demo(is_cancelled), session.open, failed)

    def export(self) -> None:
        """Ask what to export."""
        if self._export is not None:
            self._export.close()
            self._export.deleteLater()
        self._export = ExportDialog(self._session, self._window)
        self._export.open_asked.connect(lambda path: self._session.open(Path(path)))
        self._export.show()

    @property
    def export_dialog(self) -> ExportDialog | None:
        """The export dialog that was opened last."""
        return self._export

    def _open_folder(self) -> None:
        recent = self._session.settings.recent
        here = str(Path(recent[0]).parent) if recent else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Open a study"), here)
        if chosen:
            self._session.open(Path(chosen))

    def _open_file(self) -> None:
        recent = self._session.settings.recent
        here = str(Path(recent[0]).parent) if recent else str(Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self._window, tr("Open a file"), here)
        if chosen:
            self._session.open(Path(chosen))

    def _to_metal(self, step: int) -> None:
        found = self._session.metal.nearest(self._session.view.display.slice_index, step)
        if found is not None:
            self._session.view.go_to(found)

    def _next_region(self) -> None:
        """Give the focus to the next part of the window."""
        regions = [region for region in self._regions() if region.isVisible()]
        focused = self._window.focusWidget()
        at = next((n for n, region in enumerate(regions) if focused and region.isAncestorOf(focused)), -1)
        if regions:
            region = regions[(at + 1) % len(regions)]
            if region is self._grid:
                self._grid.focus_first()
            else:
                region.setFocus(Qt.FocusReason.TabFocusReason)

    def _full_screen(self) -> None:
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    def _show_sheet(self) -> None:
        if self._sheet is None:
            self._sheet = ShortcutSheet(self._window)
        self._sheet.show()
        self._sheet.raise_()

    def _about(self) -> None:
        QMessageBox.about(self._window, tr("About marview"), tr(ABOUT).format(__version__))
