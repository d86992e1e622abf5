"""The 3D pane in the real window, with the real drawing process and with failing ones."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import marview
from marview.gui.scene.renderer import CHANNELS
from marview.session.display import Layout

LEFT, NONE, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
WAIT_MS = 120_000

needs_vtk = pytest.mark.skipif(
    importlib.util.find_spec("vtkmodules") is None, reason="VTK is not installed (marview's extra 3d)"
)


def picture(pane) -> np.ndarray:
    drawn = pane.view.shown.drawn
    return np.frombuffer(pane.view.shown.rgb, np.uint8).reshape(drawn.height, drawn.width, CHANNELS)


def settle(pane, qtbot) -> None:
    """Wait for the latest requested picture."""

    def is_drawn() -> bool:
        shown = pane.view.shown
        return shown is not None and shown.drawn.number == pane._number and not pane._still.isActive()

    qtbot.waitUntil(lambda: bool(pane.renderer.refusal) or is_drawn(), timeout=WAIT_MS)
    assert not pane.renderer.refusal, pane.renderer.refusal


@pytest.fixture
def scene(opened, qtbot):
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_5, CONTROL)
    assert opened.session.view.display.layout is Layout.SCENE
    pane = opened.grid.panes["scene"]
    assert pane.isVisible()
    settle(pane, qtbot)
    return pane


def wheel(pane, notches: int) -> None:
    at = QPointF(pane.view.rect().center())
    event = QWheelEvent(
        at,
        QPointF(pane.view.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(pane.view, event)


def choose(box, steps: int) -> None:
    """Choose the entry some lines below by keys."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    for key in (*[Qt.Key.Key_Down] * steps, Qt.Key.Key_Return):
        QTest.keyClick(box.view(), key)


@needs_vtk
def test_translucent_bone_shows_more_of_the_metal_surface(scene, qtbot) -> None:
    def orange() -> int:
        red, green, blue = (picture(scene)[..., n].astype(int) for n in range(3))
        return int(((red > 60) & (red - blue > 40) & (red - green > 12)).sum())

    opaque = orange()
    choose(scene.looks, 1)
    assert scene.look == "translucent"
    settle(scene, qtbot)
    assert orange() >= opaque > 0


@needs_vtk
def test_bone_and_the_metal_surface_are_drawn_and_a_drag_turns_them(scene, qtbot) -> None:
    before = picture(scene)
    red, green, blue = (before[..., n].astype(int) for n in range(3))
    assert ((red > 80) & (red - blue > 60) & (red - green > 20)).any()  # the orange of the metal mask
    assert before.max() > 100
    centre = scene.view.rect().center()
    QTest.mousePress(scene.view, LEFT, NONE, centre)
    QTest.mouseMove(scene.view, centre + QPoint(30, 10))
    QTest.mouseMove(scene.view, centre + QPoint(80, 10))
    QTest.mouseRelease(scene.view, LEFT, NONE, centre + QPoint(80, 10))
    assert scene.view.camera.azimuth_deg == pytest.approx(-32)
    settle(scene, qtbot)
    assert (picture(scene) != before).any()


@needs_vtk
def test_the_corrected_volume_is_drawn_beside_the_original(scene, qtbot, opened) -> None:
    assert not scene.view.shown.drawn.has_corrected
    opened.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: opened.session.result is not None and opened.session.result.is_complete, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: scene.view.shown is not None and scene.view.shown.drawn.has_corrected, timeout=WAIT_MS)
    settle(scene, qtbot)
    assert scene.view.titles == ("Original", "Fake method")
    half = picture(scene).shape
    first = picture(scene)[half[0] // 2 :] if scene.view.shown.drawn.is_stacked else picture(scene)[:, : half[1] // 2]
    assert first.max() > 100


@needs_vtk
def test_metal_alone_and_its_surface_can_be_switched(scene, qtbot) -> None:
    with_surface = picture(scene)
    scene.surface.click()
    settle(scene, qtbot)
    assert (picture(scene) != with_surface).any()
    choose(scene.looks, 2)
    assert scene.look == "metal"
    settle(scene, qtbot)
    lit = picture(scene).max(axis=2) > 60
    assert 0 < lit.sum() < (with_surface.max(axis=2) > 60).sum()


@needs_vtk
def test_a_cut_goes_through_the_crosshair_and_the_wheel_moves_it(scene, qtbot, opened) -> None:
    choose(scene.cuts, 2)
    assert scene.cut == "coronal"
    settle(scene, qtbot)
    cut = picture(scene)
    before = opened.session.crosshair.lps_mm[1]
    wheel(scene, -3)
    assert opened.session.crosshair.lps_mm[1] == pytest.approx(before + 6.0, abs=0.6)  # away from the viewer
    settle(scene, qtbot)
    assert (picture(scene) != cut).any()


@needs_vtk
def test_the_wheel_zooms_where_nothing_is_cut_and_r_fits_again(scene, qtbot, opened) -> None:
    wheel(scene, 2)
    assert scene.view.camera.zoom == pytest.approx(1.44)
    opened.session.view.update(zoom=2.0)
    QTest.keyClick(scene, Qt.Key.Key_R)
    assert scene.view.camera.zoom == 1.0
    settle(scene, qtbot)


@needs_vtk
def test_3d_takes_the_place_of_the_result_beside_the_planes(opened, qtbot) -> None:
    QTest.keyClick(opened, Qt.Key.Key_4, CONTROL)
    QTest.keyClick(opened, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    pane = opened.grid.panes["scene"]
    assert pane.isVisible()
    assert not opened.grid.panes["result"].isVisible()
    settle(pane, qtbot)
    QTest.keyClick(opened, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert opened.grid.panes["result"].isVisible()


def broken(opened, code: str):
    pane = opened.grid.panes["scene"]
    pane.renderer._command = [sys.executable, "-c", code]
    QTest.keyClick(opened, Qt.Key.Key_5, CONTROL)
    return pane


def test_a_process_that_dies_says_that_3d_cannot_be_drawn_and_leaves_the_window_alone(opened, qtbot) -> None:
    pane = broken(opened, "import os, sys; sys.stderr.write('no screen\\n'); sys.stderr.flush(); os.abort()")
    qtbot.waitUntil(lambda: bool(pane.renderer.refusal), timeout=WAIT_MS)
    assert "cannot draw on this machine" in pane.view.words
    assert "no screen" in pane.view.words
    assert pane.retry.isVisible()
    assert opened.session.loaded is not None


def test_a_process_without_vtk_says_what_to_install(opened, qtbot) -> None:
    root = str(Path(marview.__file__).parents[1])
    code = (
        f"import sys; sys.path.insert(0, {root!r}); sys.modules['vtkmodules'] = None\n"
        "from marview.gui.scene.child import main; main()"
    )
    pane = broken(opened, code)
    qtbot.waitUntil(lambda: bool(pane.renderer.refusal), timeout=WAIT_MS)
    assert "pip install vtk" in pane.view.words
    assert pane.retry.isVisible()


def test_a_process_that_talks_nonsense_is_given_up(opened, qtbot) -> None:
    pane = broken(opened, "print('hello', flush=True); input()")
    qtbot.waitUntil(lambda: bool(pane.renderer.refusal), timeout=WAIT_MS)
    assert "sent an unexpected response" in pane.view.words
