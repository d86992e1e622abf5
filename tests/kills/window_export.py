"""Open a study in a window, reduce it, export the result: `python -m tests.kills.window_export STUDY FOLDER`."""

import sys
from pathlib import Path

from tests import windows


def main(study: Path, folder: Path) -> int:
    """Exit code 0 if the result was written."""
    window = windows.opened_window()
    windows.open_study(window, study)
    windows.reduce(window)
    state = windows.export(window, folder)
    windows.close(window)
    return 0 if state.folder == folder else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
