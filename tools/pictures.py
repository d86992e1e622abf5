"""Draw the pictures of README and documentation from the running program; `make pictures` calls it.

    python tools/pictures.py STUDY [--output docs/images]

STUDY is the folder `study` of `marview demo --kind hip --no-window`. The window opens it and corrects some slices with
Normalized MAR. Then it draws:

- `before_after.png`: original and result of one slice;
- `window.webp`: the whole window in the layout *MAR*;
- `radiologist.webp`: *Read*, with the same region measured in original and result;
- `researcher.webp`: *Sensitivity*, with a sweep over two methods and three margins;
- `operator.webp`: *Correct several studies*, at its end;
- `reader_study.webp`: a pair of a reader study.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from marview.dicom import open_series
from marview.dicom.make import Labels, write_ct_series
from marview.gui.app import SIZE, application, make_window, wait_until
from marview.gui.main_window import MainWindow
from marview.gui.reading_window import ReadingWindow
from marview.reader_study.making import make_study
from marview.session.display import Layout, Overlay
from marview.session.measurement import Kind
from marview.session.run_scope import Reach, RunScope
from marview.session.sensitivity_choice import SweepChoice
from marview.session.settings import Settings

INDEX = 17
"""Index of the slice to show, in the volume; both heads and cups are in it."""

AROUND = 2
"""Slices that are corrected above and below it."""

WAIT_S = 1800.0
GAP_PX = 8
GUIDE_SIZE = (1280, 800)
WEBP_QUALITY = 82


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    chosen = parser.parse_args()
    application()
    window = make_window(Settings())
    window.resize(*SIZE)
    window.show()
    _correct(window, chosen.study)
    _draw_window(window, chosen.output)
    window.resize(*GUIDE_SIZE)
    _draw_radiologist(window, chosen.output / "radiologist.webp")
    _draw_researcher(window, chosen.output / "researcher.webp")
    _draw_operator(window, chosen.study, chosen.output / "operator.webp")
    _draw_reader(window, chosen.study, chosen.output / "reader_study.webp")
    window.session.measures.mark_saved(window.session.measures.series, window.session.measures.listed)
    for result in window.session.results:
        result.is_exported = True
    window.close()


def _correct(window: MainWindow, study: Path) -> None:
    session = window.session
    session.open(study)
    _await(lambda: session.metal.is_present and not session.refusal, "marview found no metal")
    session.methods.choose("nmar")
    session.view.go_to(INDEX)
    here = session.view.display.slice_number
    session.reductions.scope = RunScope(Reach.RANGE, here - AROUND, here + AROUND)
    session.view.update(layout=Layout.MAR)
    session.reduce()
    _await(lambda: session.result is not None and not session.runs.is_running, "the run did not end")
    session.view.go_to(INDEX)


def _draw_window(window: MainWindow, output: Path) -> None:
    _save(window, output / "window.webp")
    before, after = (window.grid.panes[name].view.grab().toImage() for name in ("original", "result"))
    _beside(before, after).save(str(output / "before_after.png"))


def _draw_radiologist(window: MainWindow, path: Path) -> None:
    session = window.session
    window.commands.show_layout(Layout.READ)
    session.view.update(overlays=frozenset())
    session.measures.add(Kind.ELLIPSE, INDEX, [(-24.0, 18.0), (14.0, 40.0)])
    _save(window, path)


def _draw_researcher(window: MainWindow, path: Path) -> None:
    session = window.session
    session.measures.remove()
    window.commands.show_layout(Layout.SENSITIVITY)
    session.view.update(overlays=frozenset({Overlay.MASK}))
    session.sweep(SweepChoice(("linear_interpolation", "nmar"), (-1.0, 0.0, 2.0), slices=(INDEX, INDEX)))
    _await(lambda: session.sensitivity.swept is not None, "the sweep did not end")
    _save(window, path)


def _draw_operator(window: MainWindow, study: Path, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="marview-pictures-") as scratch:
        ward = Path(scratch) / "ward"
        shutil.copytree(study, ward / "hip prostheses")
        plain = open_series(study.parent / "truth").volume
        labels = Labels("DEMO^PLAIN", "DEMO2", "Pelvis", "Without metal")
        write_ct_series(plain.hu, plain.grid, ward / "pelvis", labels, seed="pelvis")
        window.session.methods.choose("linear_interpolation")
        window.commands.correct_several()
        several = window.commands.several_window
        assert several is not None
        several.add(ward)
        several.output.setText(str(ward.parent / "corrected"))
        several.start.click()
        _await(lambda: not window.session.several.stage.is_under_way, "the queue did not end")
        _save(several, path)
        several.close()


def _draw_reader(window: MainWindow, study: Path, path: Path) -> None:
    session = window.session
    assert session.loaded is not None
    assert session.results
    volume = session.loaded.volume
    with tempfile.TemporaryDirectory(prefix="marview-pictures-") as scratch:
        folder = Path(scratch)
        labels = Labels("DEMO^HIP", "DEMO1", "Pelvis", "Corrected")
        hu = volume.hu.copy()
        hu[INDEX] = session.results[0].corrected(hu[INDEX], INDEX)
        write_ct_series(hu, volume.grid, folder / "nmar", labels, seed="nmar")
        number = session.view.display.numbers.number(INDEX)
        lines = ("case,method,original,corrected,slices", f"hip,nmar,{study.resolve()},nmar,{number}")
        (folder / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
        reading = ReadingWindow(make_study(folder / "cases.csv", folder / "study"), "reader-1")
        reading.show()
        reading.rows[0].choose(4)
        _save(reading, path)
        reading.deleteLater()


def _save(widget: QWidget, path: Path) -> None:
    """Save what a widget shows as WebP."""
    _settle()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, quality=WEBP_QUALITY, method=6)


def _settle() -> None:
    wait_until(lambda: False, 1.0)


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
