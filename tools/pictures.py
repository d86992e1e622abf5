"""Draw the pictures of README and documentation from the running program; `make pictures` calls it.

    python tools/pictures.py STUDY [--output docs/images]

STUDY is the folder `study` of `marview demo --kind hip --no-window`. The window opens it, corrects it with Normalized
MAR, and its panes become `before_after.png` (original and result of one slice) and `window.png` (the whole window).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QImage, QPainter

from marview.gui.app import SIZE, application, make_window, wait_until
from marview.session.display import Layout
from marview.session.settings import Settings

INDEX = 17
"""Index of the slice to show, in the volume; both heads and cups are in it."""

WAIT_S = 1800.0
GAP_PX = 8


def main() -> None:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    chosen = parser.parse_args()
    qt = application()
    window = make_window(Settings())
    window.resize(*SIZE)
    window.show()
    session = window.session
    session.open(chosen.study)
    _await(lambda: session.metal.is_present and not session.metal.is_busy, "marview found no metal")
    session.view.go_to(INDEX)
    session.view.update(layout=Layout.MAR)
    session.reduce()
    _await(lambda: session.result is not None and not session.runs.is_running, "the run did not end")
    session.view.go_to(INDEX)
    _await(lambda: bool(session.sinograms.current), "there is no sinogram")
    qt.processEvents()
    window.grab().save(str(chosen.output / "window.png"))
    before, after = (window.grid.panes[name].view.grab().toImage() for name in ("original", "result"))
    _beside(before, after).save(str(chosen.output / "before_after.png"))
    window.close()


def _await(is_so: Callable[[], bool], complaint: str) -> None:
    if not wait_until(is_so, WAIT_S):
        raise SystemExit(f"{complaint}.")


def _beside(left: QImage, right: QImage) -> QImage:
    both = QImage(left.width() + GAP_PX + right.width(), left.height(), QImage.Format.Format_RGB32)
    both.fill(0)
    painter = QPainter(both)
    painter.drawImage(0, 0, left)
    painter.drawImage(left.width() + GAP_PX, 0, right)
    painter.end()
    return both


if __name__ == "__main__":
    main()
