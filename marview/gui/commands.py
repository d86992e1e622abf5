"""The functions that actions call to change the session or the window."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMainWindow, QMessageBox, QWidget

from marview import __version__
from marview.gui.export_dialog import ExportDialog
from marview.gui.mask_dialogs import export_mask, import_mask
from marview.gui.pane_grid import PaneGrid
from marview.gui.panes.plane_pane import turned
from marview.gui.saving import Saving
from marview.gui.several_window import SeveralWindow
from marview.gui.shortcut_sheet import ShortcutSheet
from marview.gui.study_browser import StudyBrowser
from marview.session.demo import make_demo
from marview.session.display import Layout, View
from marview.session.edits import Edits
from marview.session.messages import Severity
from marview.session.session import Session
from marview.session.tools import Tools
from marview.text import tr, translatable

ABOUT = translatable(
    "<b>marview {}</b><br>View CT scans with metal, inspect the metal mask and its trace, and run any metal artifact "
    "reduction method.<br><br>For research. Not for primary diagnosis; review every result with the uncorrected "
    "images."
)


class Commands:
    """Functions that the actions call: they change the session, open dialogs and move the focus."""

    def __init__(
        self,
        window: QMainWindow,
        session: Session,
        grid: PaneGrid,
        browser: StudyBrowser,
        regions: Callable[[], list[QWidget]],
        toggle_panel: Callable[[int], None],
        float_panel: Callable[[int], None],
    ) -> None:
        self.session: Session = session
        self.view: View = session.view
        self.tools: Tools = session.tools
        self.edits: Edits = session.edits
        self._window = window
        self._grid = grid
        self._browser = browser
        self._regions = regions
        self.toggle_panel: Callable[[int], None] = toggle_panel
        self.float_panel: Callable[[int], None] = float_panel
        self._sheet: ShortcutSheet | None = None
        self._export: ExportDialog | None = None
        self.saving: Saving = Saving(window, session, grid)
        self._several: SeveralWindow | None = None

    def show_layout(self, layout: Layout) -> None:
        """Switch to a layout; the Planes layout also places the crosshair if it is not set yet."""
        display = self.view.display
        needs_point = layout is Layout.MPR and display.cursor_mm is None
        self.view.update(layout=layout, maximised="", cursor_mm=(0.0, 0.0) if needs_point else display.cursor_mm)

    def thicken(self, steps: int) -> None:
        """Change the slab thickness in steps of 5 mm."""
        self.view.update(slab_mm=min(200.0, max(5.0, self.view.display.slab_mm + 5.0 * steps)))

    def toggle_oblique(self) -> None:
        """Switch between the oblique section and the result."""
        self.view.update(oblique_deg=None if self.view.display.oblique_deg is not None else (0.0, 0.0))

    def turn(self, turn_deg: float, tilt_deg: float) -> None:
        """Turn and tilt the oblique section by the given angles in degrees."""
        now = self.view.display.oblique_deg
        if now is not None:
            self.view.update(oblique_deg=turned(now, turn_deg, tilt_deg))

    def open_demo(self) -> None:
        """Open the demo study; create it on first use."""
        session = self.session
        session.library.busy.emit(tr("Creating the demo study (only once) …"))

        def failed(sentence: str) -> None:
            session.library.busy.emit("")
            session.messages.error(sentence)

        is_cancelled = session.background.is_closed
        session.background.run(lambda: make_demo(is_cancelled), session.open, failed)

    def export(self) -> None:
        """Open the export dialog."""
        if self._export is not None:
            self._export.close()
            self._export.deleteLater()
        self._export = ExportDialog(self.session, self._window)
        self._export.open_asked.connect(lambda path: self.session.open(Path(path)))
        self._export.show()

    @property
    def export_dialog(self) -> ExportDialog | None:
        """Return the most recently opened export dialog; None if none was opened."""
        return self._export

    def search_studies(self) -> None:
        """Move the focus to the search field of the study list."""
        self._browser.show()
        if self._browser.visibleRegion().isEmpty():
            self.toggle_panel(0)
        self._browser.focus_search()

    def watch_folder(self) -> None:
        """Ask for a folder to watch; new studies in this folder are added to the study list."""
        self._browser.ask_to_watch()

    def correct_several(self) -> None:
        """Open the window for correcting several studies."""
        if self._several is None:
            self._several = SeveralWindow(self.session, self._window)
        self._several.show()
        self._several.raise_()

    @property
    def several_window(self) -> SeveralWindow | None:
        """Return the *Correct several studies* window; None if it was never opened."""
        return self._several

    def import_mask(self) -> None:
        """Ask for a mask file and read it."""
        import_mask(self.session, self._window)

    def export_mask(self) -> None:
        """Ask for a file name and write the mask."""
        export_mask(self.session, self._window)

    def close_series(self) -> None:
        """Close the series in view; ask first if it has unsaved work."""
        if self.session.library.chosen is not None:
            self.session.closing.close_series(self.session.library.chosen)

    def quit(self) -> None:
        """Close the window."""
        self._window.close()

    def maximise(self) -> None:
        """Maximise the active pane, or restore the layout."""
        self._grid.maximise(self.view.display.active or "original")

    def open_folder(self) -> None:
        """Ask for a folder and open it."""
        recent = self.session.settings.recent
        here = str(Path(recent[0]).parent) if recent else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Open a study"), here)
        if chosen:
            self.session.open(Path(chosen))

    def open_file(self) -> None:
        """Ask for a file and open it."""
        recent = self.session.settings.recent
        here = str(Path(recent[0]).parent) if recent else str(Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self._window, tr("Open a file"), here)
        if chosen:
            self.session.open(Path(chosen))

    def to_metal(self, step: int) -> None:
        """Go to the next (1) or previous (-1) slice with metal."""
        display = self.view.display
        towards = -step if display.numbers.is_head_last else step
        found = self.session.metal.nearest(display.slice_index, towards)
        if found is not None:
            self.session.view.go_to(found)

    def next_region(self) -> None:
        """Move the focus to the next region of the window."""
        regions = [region for region in self._regions() if region.isVisible()]
        focused = self._window.focusWidget()
        at = next((n for n, region in enumerate(regions) if focused and region.isAncestorOf(focused)), -1)
        if regions:
            region = regions[(at + 1) % len(regions)]
            if region is self._grid:
                self._grid.focus_first()
            else:
                region.setFocus(Qt.FocusReason.TabFocusReason)

    def full_screen(self) -> None:
        """Toggle full-screen mode."""
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    def show_sheet(self) -> None:
        """Show the sheet of keyboard shortcuts and mouse gestures."""
        if self._sheet is None:
            self._sheet = ShortcutSheet(self._window)
        self._sheet.show()
        self._sheet.raise_()

    @property
    def sheet(self) -> ShortcutSheet | None:
        """Return the shortcut sheet; None if it was never shown."""
        return self._sheet

    def set_language(self, code: str) -> None:
        """Set the language to use from the next start; empty for the system language."""
        self._choose_for_next_start("language", code)

    def set_style(self, name: str) -> None:
        """Set the style, dark or light, to use from the next start."""
        self._choose_for_next_start("style", name)

    def _choose_for_next_start(self, setting: str, value: str) -> None:
        settings = self.session.settings
        if getattr(settings, setting) != value:
            setattr(settings, setting, value)
            settings.save()
            self.session.messages.say(Severity.INFO, tr("Close marview and start it again to see the change."))

    def about(self) -> None:
        """Show the version and purpose of marview."""
        QMessageBox.about(self._window, tr("About marview"), tr(ABOUT).format(__version__))
