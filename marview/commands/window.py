"""Open the window, or render it to an image file if there is no display."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from marview.ending import ended
from marview.errors import BadInput, UsageError
from marview.log_file import log_to_file
from marview.text import meant
from marview.verbs import VERBS


def has_display() -> bool:
    """Return whether this machine has a display for a window."""
    if sys.platform in {"win32", "darwin"} or "QT_QPA_PLATFORM" in os.environ:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def has_window() -> bool:
    """Return whether the packages of the window are installed; servers do not need them."""
    return find_spec("PySide6") is not None and find_spec("pyqtgraph") is not None


def open_window(paths: list[str], picture: Path = Path("marview.png")) -> int:
    """Open the given studies in the window, print any error, and return the exit code.

    Without a display, an image of the window with the first study is saved to the file `picture` instead.
    """
    log_to_file()
    return ended(lambda: _open(paths, picture))


def _open(paths: list[str], picture: Path) -> int:
    """Open the window.

    Without a display, the window is drawn to the file `picture` instead, and a message says so.

    Raises:
        BadInput: a path does not exist.
        UsageError: a path is empty or is a misspelt command, or marview is installed without its window.
    """
    if not has_window():
        raise UsageError(
            "marview is installed here without its window. To add it, run: pip install 'marview[window]'. Most "
            "commands work without the window: run marview --help."
        )
    for path in paths:
        if not path:
            raise UsageError("The path is empty. Specify a file or folder; '.' is the current folder.")
        if not Path(path).exists():
            if question := meant(path, VERBS):
                raise UsageError(f"There is no command {path!r}.{question} Run marview --help for a list of commands.")
            raise BadInput(
                f"'{path}' is neither a command nor a file or folder. Run marview --help for a list of commands."
            )
    if has_display():
        from marview.gui.app import run

        return run(paths)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from marview.gui.app import render_to_png

    render_to_png(Path(paths[0]) if paths else None, picture)
    print(f"This machine has no display, so marview saved an image of the window to {picture.resolve()} instead.")
    return 0
