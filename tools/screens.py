"""Draw every layout of the window at several screen sizes, to look at before a release; `make screens` calls it.

    python tools/screens.py STUDY [--output build/screens] [--method nmar] [--size 1280x800 ...] [--style dark light]
                            [--language de]

STUDY is the folder `study` of `marview demo --kind hip --no-window`. Every size and style has a process of its own,
since Qt reads the scale of the screen once. The pictures are SIZE_STYLE_LAYOUT.png.
"""

import argparse
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SIZES = {"1280x800": (1280, 800, 1.0), "1920x1080_1.5": (1920, 1080, 1.5), "3840x2160": (3840, 2160, 1.0)}
"""Pixels of the screen, and how many of them are one of the window's."""

STYLES = ("dark", "light")
WAIT_S = 1800.0


def main() -> None:
    """Start a process for each size, or draw one size where this is such a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--output", type=Path, default=Path("build/screens"))
    parser.add_argument("--method", default="nmar")
    parser.add_argument("--size", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--style", nargs="*", choices=STYLES, default=list(STYLES))
    parser.add_argument("--language", default="en", help="of the window, a code such as de")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    if chosen.here:
        draw(chosen.study, chosen.output, chosen.method, chosen.size[0], chosen.style[0], chosen.language)
        return
    for size, style in itertools.product(chosen.size, chosen.style):
        environment = {**os.environ, "QT_SCALE_FACTOR": str(SIZES[size][2])}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        arguments = [str(chosen.study), "--output", str(chosen.output), "--method", chosen.method, "--size", size]
        arguments += ["--style", style, "--language", chosen.language, "--here"]
        subprocess.run([sys.executable, __file__, *arguments], check=True, env=environment)  # noqa: S603


def draw(study: Path, output: Path, method: str, size: str, style: str, language: str) -> None:
    """Draw all layouts in one size and style; only the slices around the one with the most metal are corrected."""
    from PySide6.QtCore import QCoreApplication

    from marview.gui.app import application, make_window, wait_until
    from marview.gui.language import use_language
    from marview.gui.panes.scene_pane import ScenePane
    from marview.gui.window_state import collapse_if_narrow
    from marview.session.display import Comparison, Layout, Overlay
    from marview.session.measurement import Kind
    from marview.session.run_scope import Reach, RunScope
    from marview.session.sensitivity_choice import SweepChoice
    from marview.session.settings import Settings

    def wait(is_so: Callable[[], bool], complaint: str) -> None:
        if not wait_until(is_so, WAIT_S):
            raise SystemExit(f"{complaint}.")

    def save(name: str) -> None:
        wait_until(lambda: False, 0.6)
        QCoreApplication.processEvents()
        if window.height() > round(height / scale):
            raise SystemExit(f"{name} makes the window higher than a screen of {size}.")
        window.grab().save(str(output / f"{size}_{style}_{name}.png"))

    application(style)
    use_language(language)
    width, height, scale = SIZES[size]
    window = make_window(Settings())
    window.resize(round(width / scale), round(height / scale))
    collapse_if_narrow(window, window.panels)
    window.show()
    save("empty")
    session = window.session
    session.open(study)
    wait(lambda: session.metal.is_present and not session.refusal, "marview found no metal")
    session.methods.choose(method)
    here = session.view.display.slice_number
    session.reductions.scope = RunScope(Reach.RANGE, here - 2, here + 2)
    session.reduce()
    wait(lambda: session.result is not None and not session.runs.is_running, "the run did not end")
    z = session.view.display.slice_index
    save("read")
    session.measures.add(Kind.ELLIPSE, z, [(-30.0, -20.0), (0.0, 5.0)])
    session.measures.add(Kind.LENGTH, z, [(-120.0, 40.0), (-20.0, 60.0)])
    session.view.update(comparison=Comparison.SWIPE)
    save("swipe")
    session.view.update(comparison=Comparison.DIFFERENCE, overlays=frozenset({Overlay.CHANGED}))
    save("difference")
    session.view.update(comparison=Comparison.NONE, overlays=frozenset({Overlay.MASK, Overlay.TRACE}))
    session.sweep(SweepChoice(("linear_interpolation", method), (0.0, 1.0), slices=(z, z)))
    wait(lambda: not session.sensitivity.is_running, "the sweep did not end")
    session.comparison.run(("linear_interpolation", method))
    wait(lambda: len(session.results) > 1 and not session.runs.is_running, "the comparison did not end")
    session.beside.show_truth()
    wait(lambda: session.beside.other is not None, "there is no truth")
    for layout in Layout:
        window.commands.show_layout(layout)
        if layout is Layout.MAR:
            wait(lambda: bool(session.sinograms.current) or session.result is not None, "there is no sinogram")
        if layout is Layout.SCENE:
            pane = window.grid.panes["scene"]
            assert isinstance(pane, ScenePane)
            wait(pane.is_settled, "the 3D scene was not drawn")
        save(layout.value)
    window.commands.show_layout(Layout.MPR)
    session.view.update(oblique_deg=(30.0, 20.0))
    save("mpr_oblique")
    session.view.update(oblique_deg=None, has_scene=True)
    wait(pane.is_settled, "the 3D scene was not drawn")
    save("mpr_scene")
    window.commands.show_sheet()
    sheet = window.commands.sheet
    assert sheet is not None
    QCoreApplication.processEvents()
    sheet.grab().save(str(output / f"{size}_{style}_keys.png"))
    session.measures.mark_saved(session.measures.series, session.measures.listed)
    for result in session.results:
        result.is_exported = True
    window.close()


if __name__ == "__main__":
    main()
