"""Save an image or movie of the active pane, or a report on the result."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow

from marview.errors import MarviewError
from marview.export import save_picture, whole_file
from marview.gui.movie import MovieMaker, rgb_of
from marview.gui.pane_grid import PaneGrid
from marview.gui.report_page import write_report
from marview.gui.series_list import patient_title
from marview.session.messages import Severity
from marview.session.report import make_report
from marview.session.session import Session
from marview.text import tr

MOVIES = "GIF (*.gif);;MP4 (*.mp4)"


class Saving:
    """Commands that save an image, a movie or a report to a file that the user names.

    If writing fails, partial files are removed.
    """

    def __init__(self, window: QMainWindow, session: Session, grid: PaneGrid) -> None:
        self._window, self._session, self._grid = window, session, grid
        self.movie: MovieMaker = MovieMaker(session, grid.picture, window)

    def copy_picture(self) -> None:
        """Copy the active pane, with its scale bar, to the clipboard."""
        QApplication.clipboard().setPixmap(self._grid.picture())
        self._session.messages.say(Severity.SUCCESS, tr("The picture was copied."))

    def save_picture(self) -> None:
        """Ask for a file name and save the active pane as PNG or TIFF."""
        picture = self._grid.picture()
        path = self._ask(tr("Save the picture"), "picture.png", "PNG (*.png);;TIFF (*.tif)")
        if path is None:
            return

        def write() -> None:
            with whole_file(path) as part:
                is_tiff = path.suffix.lower() in {".tif", ".tiff"}
                save_picture(Image.fromarray(rgb_of(picture)), part, "TIFF" if is_tiff else "PNG")

        self._write(write, tr("The picture was written to {}.").format(path.name))

    def save_report(self) -> None:
        """Ask for a file name and save a one-page report of the result in view as PDF."""
        session, loaded, result = self._session, self._session.loaded, self._session.result
        if loaded is None or result is None:
            return
        path = self._ask(tr("Save the report"), "report.pdf", "PDF (*.pdf)")
        if path is None:
            return
        chosen, display = session.library.chosen, session.view.display
        is_named = chosen is not None and not display.is_anonymous
        heading = [patient_title(chosen.study), chosen.study.description] if chosen is not None and is_named else []
        measures = session.measures.listed

        def write() -> None:
            lines = [line for line in heading if line]
            report = make_report(loaded, result, measures, display.slice_index, display.window, lines)
            write_report(path, report)

        self._write(write, tr("The report was written to {}.").format(path.name))

    def save_scrolling(self) -> None:
        """Ask for a file name and save a movie of the active pane scrolling through the slices."""
        path = self._ask(tr("Save scrolling movie"), "scrolling.gif", MOVIES)
        if path is not None:
            self.movie.scroll(path)

    def save_flicker(self) -> None:
        """Ask for a file name and save a movie that alternates between original and result."""
        path = self._ask(tr("Save flicker movie"), "flicker.gif", MOVIES)
        if path is not None:
            self._session.view.update(active="result")
            self.movie.flicker(path)

    def _ask(self, title: str, name: str, kinds: str) -> Path | None:
        """Return the file the user chooses; its folder is remembered."""
        settings = self._session.settings
        folder = Path(settings.export_folder) if settings.export_folder else Path.home()
        chosen, _ = QFileDialog.getSaveFileName(self._window, title, str(folder / name), kinds)
        if not chosen:
            return None
        path = Path(chosen) if Path(chosen).suffix else Path(chosen).with_suffix(Path(name).suffix)
        settings.export_folder = str(path.absolute().parent)
        return path

    def _write(self, write: Callable[[], None], done: str) -> None:
        try:
            write()
        except MarviewError as refusal:
            self._session.messages.error(str(refusal))
        else:
            self._session.messages.say(Severity.SUCCESS, done)
