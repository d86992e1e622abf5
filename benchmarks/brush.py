"""Measure the time of brush strokes on a large volume, in the mask alone and in the real window, and trace updates.

python -m benchmarks.brush

The benchmark sends mouse events to the window, which shows a simulated series of 512 x 512 x 300 voxels in the MAR
layout. An *event* is a mouse move with the button down; its time includes changing the mask, storing the change for
undo, updating the overlay and repainting. *Trace* is the time from such an event until the sinogram pane has drawn the
trace of the changed mask.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.gui.app import SIZE, application, make_window, wait_until
from marview.gui.panes.image_pane import ImagePane
from marview.gui.panes.sinogram_pane import SinogramPane
from marview.session.display import Layout
from marview.session.settings import Settings
from marview.session.tools import Tool
from marview.volume.brush import Brush
from marview.volume.metal_mask import MetalMask

SHAPE = (300, 512, 512)
SPACING_MM = (1.0, 0.7, 0.7)
EVENTS = 600
STROKES = 200
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
EVERY_S = 0.016
SLICE = SHAPE[0] // 2
TARGETS_MS = "targets: event 8 median, 16 at the 99th percentile; trace 50"


def event_ms(brush: Brush, hu: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the milliseconds per event of a long stroke in the mask alone, including the storage for undo."""
    generator = np.random.default_rng(0)
    metal = MetalMask(np.zeros(SHAPE, bool), SPACING_MM, hu)
    metal.begin_stroke()
    at, spent = np.array([256.0, 256.0]), []
    for _ in range(EVENTS):
        to = np.clip(at + generator.normal(0, 10, 2), 0, 511)
        begun = time.perf_counter()
        metal.stamp((150, *at), (150, *to), brush)
        spent.append((time.perf_counter() - begun) * 1000)
        at = to
    metal.end_stroke()
    return np.array(spent)


def undo_kilobytes() -> float:
    """Return the size of the undo stack in kilobytes after 200 strokes on 50 slices, and check that undo works."""
    generator = np.random.default_rng(1)
    metal = MetalMask(np.zeros((50, *SHAPE[1:]), bool), SPACING_MM)
    for stroke in range(STROKES):
        metal.begin_stroke()
        at = generator.uniform(0, 511, 2)
        for _ in range(10):
            to = at + generator.normal(0, 12, 2)
            metal.stamp((stroke % 50, *at), (stroke % 50, *to), Brush(radius_mm=float(generator.uniform(1, 10))))
            at = to
        metal.end_stroke()
    kept = metal.undo_stack.nbytes / 1000
    while metal.undo() is not None:
        pass
    if metal.array.any():
        raise SystemExit("undo did not restore the empty mask")
    return kept


def made_series(folder: Path) -> Path:
    """Write a CT series of a body with two metal rods, 300 slices of 512 x 512 pixels."""
    y, x = (axis * SPACING_MM[1] - 179 for axis in np.mgrid[: SHAPE[1], : SHAPE[2]])
    slice_hu = np.where((x / 160) ** 2 + (y / 110) ** 2 < 1, 40, -1000).astype(np.int16)
    for centre in (-70, 75):
        slice_hu[np.hypot(x - centre, y) < 11] = 6000
    labels = Labels(
        patient_name="MADE^NOBODY",
        patient_id="M1",
        study_description="Made",
        series_description="Two rods",
        series_number=1,
        body_part="HIP",
        comments="",
        kvp=120.0,
    )
    grid = Grid.from_spacing(SHAPE, SPACING_MM)
    hu = np.broadcast_to(slice_hu, SHAPE).copy()
    hu += np.random.default_rng(3).normal(0, 15, SHAPE).astype(np.int16)
    write_ct_series(hu, grid, folder, labels, seed="two rods", study_seed="brush")
    return folder


class BrushWindow:
    """Window with a series in the MAR layout, in which mouse events paint."""

    def __init__(self, series: Path) -> None:
        self._qt = application()
        self._window = window = make_window(Settings())
        window.resize(*SIZE)
        window.show()
        session = self._session = window.session
        session.open(series)
        wait_until(lambda: session.metal.is_present and not session.refusal, 300)
        session.view.go_to(SLICE)
        session.view.update(layout=Layout.MAR)
        original, sinogram = window.grid.panes["original"], window.grid.panes["sinogram"]
        assert isinstance(original, ImagePane)
        assert isinstance(sinogram, SinogramPane)
        wait_until(lambda: session.traces.is_surveyed and bool(sinogram.available), 300)
        self._view, self._sinogram = original.view, sinogram.view
        self._viewport = self._view.viewport()
        self._generator = np.random.default_rng(0)

    def stroke(self, events: int, **settings: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the milliseconds per event of a long stroke, and from events to the drawn trace."""
        session = self._session
        session.tools.update(tool=Tool.BRUSH, **settings)
        sinogram = self._sinogram
        spent: list[float] = []
        followed: list[float] = []
        waiting: list[float] = []
        asked: list[int] = []
        touched = 0

        def touch(_box: object) -> None:
            nonlocal touched
            touched += 1

        def arrive() -> None:
            """Record the arrival of a trace, which includes all events before its request."""
            sinogram.viewport().repaint()
            now = time.perf_counter()
            held = asked.pop(0)
            while waiting and len(followed) < held:
                followed.append((now - waiting.pop(0)) * 1000)

        def note_request(_slice_index: int) -> None:
            asked.append(touched)

        session.traces.changed.connect(arrive)
        session.traces.asked.connect(note_request)
        at = np.array([256.0, 200.0])
        self._send(QEvent.Type.MouseButtonPress, at, LEFT)
        session.metal.touched.connect(touch, priority=1)  # before the request that this event causes
        for _ in range(events):
            at = np.clip(at + self._generator.normal(0, 6, 2), 120, 390)
            before = touched
            begun = time.perf_counter()
            self._send(QEvent.Type.MouseMove, at, NONE)
            QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest.value)
            done = time.perf_counter()
            spent.append((done - begun) * 1000)
            if touched > before:
                waiting.append(begun)
            until = begun + EVERY_S
            while time.perf_counter() < until:
                QCoreApplication.processEvents()
                time.sleep(0.0005)
        wait_until(lambda: not waiting, 5)
        self._send(QEvent.Type.MouseButtonRelease, at, LEFT)
        session.metal.touched.disconnect(touch)
        session.traces.changed.disconnect(arrive)
        session.traces.asked.disconnect(note_request)
        wait_until(lambda: session.traces.is_surveyed, 60)
        session.undo()
        wait_until(lambda: session.traces.is_surveyed, 60)
        return np.array(spent), np.array(followed)

    def _send(self, kind: QEvent.Type, row_column: NDArray[np.float64], button: Qt.MouseButton) -> None:
        original = self._session.original()
        assert original is not None
        at = self._view.viewportTransform().map(QPointF(*original.point_at(*row_column)))
        where = QPointF(self._viewport.mapToGlobal(at.toPoint()))
        event = QMouseEvent(kind, at, where, button, LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self._viewport, event)

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def print_mask_table() -> None:
    """Print the table for the mask alone."""
    hu = np.random.default_rng(2).integers(-1000, 3000, SHAPE, np.int16)
    print("| brush, mask only | median ms | 99th percentile ms |\n|---|---|---|")
    for title, brush in (
        ("disc, 5 mm", Brush(radius_mm=5)),
        ("disc, 20 mm", Brush(radius_mm=20)),
        ("disc, 20 mm, HU range", Brush(radius_mm=20, hu_range=(0, 3000))),
        ("sphere, 5 mm", Brush(radius_mm=5, is_sphere=True)),
        ("sphere, 15 mm", Brush(radius_mm=15, is_sphere=True)),
    ):
        spent = event_ms(brush, hu)
        print(f"| {title} | {np.median(spent):.2f} | {np.percentile(spent, 99):.2f} |", flush=True)
    print(f"\n{STROKES} strokes over 50 slices: {undo_kilobytes():.0f} kB, undone bit for bit\n")


def print_window_table(events: int) -> None:
    """Print the table for the real window."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="marview-brush-") as folder:
        window = BrushWindow(made_series(Path(folder) / "series"))
        print("| brush, in the window | event median ms | 99th percentile | trace median ms | 99th percentile |")
        print("|---|---|---|---|---|")
        for title, settings in (
            ("disc, 5 mm", {"radius_mm": 5.0, "is_sphere": False}),
            ("disc, 20 mm", {"radius_mm": 20.0, "is_sphere": False}),
            ("sphere, 5 mm", {"radius_mm": 5.0, "is_sphere": True}),
            ("sphere, 15 mm", {"radius_mm": 15.0, "is_sphere": True}),
        ):
            event, trace = window.stroke(events, **settings)
            numbers = [value for spent in (event, trace) for value in (np.median(spent), np.percentile(spent, 99))]
            print(f"| {title} | " + " | ".join(f"{number:.1f}" for number in numbers) + " |", flush=True)
        window.close()
    print(f"\n{TARGETS_MS}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="events of a stroke in the window")
    parser.add_argument("--window-only", action="store_true", help="leave out the table of the mask only")
    options = parser.parse_args()
    print(f"{SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]} voxels, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    if not options.window_only:
        print_mask_table()
    print_window_table(options.events)


if __name__ == "__main__":
    main()
