"""The metal trace and its warnings while the mask is painted with real mouse and keys."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from marview.session.display import Layout
from tests.gui.hand import LEFT, NONE, PLAIN


def test_the_trace_follows_the_brush_while_it_moves(hand) -> None:
    session = hand.session
    session.view.update(layout=Layout.MAR)
    pane = hand.window.grid.panes["sinogram"]
    hand.qtbot.waitUntil(lambda: bool(pane.available) and session.traces.is_surveyed, timeout=5000)
    hand.key(Qt.Key.Key_B)
    session.tools.update(radius_mm=0.5)
    hand.send(QEvent.Type.MouseButtonPress, hand.at(50, 10), LEFT, LEFT)
    hand.send(QEvent.Type.MouseMove, hand.at(50, 29), NONE, LEFT)
    hand.qtbot.waitUntil(lambda: pane.trace.sum(axis=1).max() == 4 * (20 + 6), timeout=5000)
    assert "gap: 104 bins" in pane.caption.lines[0]
    assert "sinusoid" in pane.view._marks  # the point under the brush
    hand.send(QEvent.Type.MouseMove, hand.at(50, 58), NONE, LEFT)
    hand.qtbot.waitUntil(lambda: pane.trace.sum(axis=1).max() == 4 * 49, timeout=5000)
    hand.send(QEvent.Type.MouseButtonRelease, hand.at(50, 58), LEFT, NONE)
    hand.qtbot.waitUntil(lambda: session.traces.is_surveyed, timeout=5000)
    assert hand.window.guess.isVisible()
    assert "31%" in hand.window.guess.text.text()
    assert "worst 30.6% in slice 4" in hand.window.side.metal.trace.text()
    session.undo()
    hand.qtbot.waitUntil(lambda: pane.trace.sum(axis=1).max() == 24, timeout=5000)
    assert not hand.window.guess.isVisible()
    view = pane.view
    at = view.viewportTransform().map(QPointF(20, 20))
    where = QPointF(view.viewport().mapToGlobal(at.toPoint()))
    QApplication.sendEvent(view.viewport(), QMouseEvent(QEvent.Type.MouseMove, at, where, NONE, NONE, PLAIN))
    assert "ray" in hand.view._marks


def _see_images_alone(session) -> None:
    methods = session.methods
    seen = [
        replace(one, manifest=one.manifest.model_copy(update={"needs_sinogram": False})) for one in methods.listings
    ]
    methods.listings = tuple(seen)
    methods.chosen.emit()


def test_the_warning_of_a_guess_also_appears_after_a_run(hand) -> None:
    """The result in view was not a guess; a result with the painted mask would be."""
    session = hand.session
    session.view.update(layout=Layout.MAR)
    pane = hand.window.grid.panes["sinogram"]
    hand.qtbot.waitUntil(lambda: bool(pane.available) and session.traces.is_surveyed, timeout=5000)
    session.reduce()
    hand.qtbot.waitUntil(lambda: session.result is not None and not session.runs.is_running, timeout=5000)
    assert not hand.window.guess.isVisible()
    hand.key(Qt.Key.Key_B)
    session.tools.update(radius_mm=0.5)
    hand.stroke((50, 10), (50, 58))
    hand.qtbot.waitUntil(lambda: session.traces.is_surveyed, timeout=5000)
    assert "31%" in hand.window.guess.text.text()
    assert hand.window.guess.isVisible()
    assert pane.caption.lines[1].startswith("corrected with an earlier mask")
    assert pane.note.text().startswith("corrected with an earlier mask, trace")  # a narrow heading cuts the end
    assert pane.note.property("kind") == "warning"
    _see_images_alone(session)
    assert not hand.window.guess.isVisible()  # no method here replaces values in the trace
    session.undo()
    hand.qtbot.waitUntil(lambda: not hand.window.guess.isVisible(), timeout=5000)


def test_an_unknown_trace_shows_no_coverage(hand, worker) -> None:
    session, label = hand.session, hand.window.side.metal.trace
    session.view.update(layout=Layout.MAR)
    hand.qtbot.waitUntil(lambda: session.traces.is_surveyed, timeout=5000)
    session.view.go_to(0)
    QApplication.processEvents()
    assert label.text().startswith("Trace 0.0%")
    worker.trace_gate.clear()
    hand.key(Qt.Key.Key_B)
    hand.stroke((32, 40))
    hand.qtbot.wait(20)
    assert label.isHidden()
    worker.trace_gate.set()
    hand.qtbot.waitUntil(lambda: not label.isHidden(), timeout=5000)
    assert not label.text().startswith("Trace 0.0%")
