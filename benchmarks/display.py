"""Measure how fast the window draws while the user scrolls or changes the HU window: `python -m benchmarks.display`.

A series of 300 slices of 512 x 512 pixels is opened in the *Planes* layout: axial, coronal, sagittal and the result,
without an oblique section. Mouse events are sent to the real window one after the other, each after all panes have been
drawn. *Drawing* is the time of drawing alone; *latency* is the time from the event to the displayed image.
VTK's image viewer draws the same four pictures off-screen in a separate process. With `--napari PYTHON`, an interpreter
that has napari draws one pane of the same size on a virtual screen (xvfb-run) in the same run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.gui.app import application, make_window, wait_until
from marview.gui.main_window import MainWindow
from marview.gui.panes.image_pane import ImagePane
from marview.gui.panes.slice_pane import SlicePane
from marview.mar.messages import SliceDone
from marview.session.display import Layout
from marview.session.plane_store import PlaneStore
from marview.session.result import KeptMask, Result
from marview.session.settings import Settings

SHAPE, SPACING_MM = (300, 512, 512), (1.0, 0.8, 0.8)
SIZE = (1600, 1000)
EVENTS = 120
TARGET_PAINT_MS, TARGET_PICTURE_MS, TARGET_FIRST_S = 16.0, 33.0, 1.0
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NO_KEY = Qt.KeyboardModifier.NoModifier


NAPARI = """
import json, os, sys, time
import napari
import numpy as np
from qtpy.QtWidgets import QApplication

slices, events = map(int, sys.argv[1:])
hu = np.random.default_rng(1).integers(-1000, 1000, (slices, 512, 512)).astype(np.int16)
viewer = napari.Viewer()
viewer.window._qt_window.resize(800, 800)
layer = viewer.add_image(hu, contrast_limits=(-160, 240))
app = QApplication.instance()
for _ in range(20):
    app.processEvents()
def timed(change):
    times = []
    for number in range(events):
        began = time.perf_counter()
        change(number)
        app.processEvents()
        times.append((time.perf_counter() - began) * 1000)
    return times
scroll = timed(lambda number: viewer.dims.set_point(0, slices // 4 + number % (slices // 2)))
drag = timed(lambda number: setattr(layer, "contrast_limits", (-160 - number, 240 + number)))
print(json.dumps({"napari, one pane, scroll": scroll, "napari, one pane, change the HU window": drag}), flush=True)
os._exit(0)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=SHAPE[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--napari", metavar="PYTHON", help="interpreter that has napari, which is then also measured")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    shape = (chosen.slices, *SHAPE[1:])
    if chosen.peer:
        print(json.dumps(_vtk(phantom(shape), chosen.events)))
        return
    with tempfile.TemporaryDirectory() as folder:
        hu = phantom(shape)
        labels = Labels("NO^ONE", "P", "Benchmark", "Scroll")
        write_ct_series(hu, Grid.from_spacing(shape, SPACING_MM), Path(folder), labels, seed="display", study_seed="d")
        rows = [*marview_rows(Path(folder), chosen.events), *peer_rows(shape, chosen.events)]
        if chosen.napari:
            screen = ["xvfb-run", "-a", "-s", f"-screen 0 {SIZE[0]}x{SIZE[1]}x24"]
            program = [*screen, chosen.napari, "-c", NAPARI, str(chosen.slices), str(chosen.events)]
            rows += _rows_of("napari", program, {name: os.environ[name] for name in ("PATH", "HOME")})
    print(f"load before: {os.getloadavg()[0]:.1f}, cores: {os.cpu_count()}\n")
    print("| | drawing, median ms | 99 % | latency, median ms | 99 % | relative to marview |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, paint, picture in rows:
        print(f"| {name} | {_two(paint)} | {_two(picture)} | {ratio(name, picture, rows)} |")


def ratio(name: str, picture: list[float], rows: list[tuple[str, list[float], list[float]]]) -> str:
    """Return the latency as a multiple of marview's latency; "1" for marview itself."""
    own = "marview, scroll axial" if "scroll" in name else "marview, drag the HU window"
    medians = {title: float(np.median(times)) for title, _, times in rows}
    return "1" if name.startswith("marview") else f"{np.median(picture) / medians[own]:.1f}"


def phantom(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """Make a noisy body with bones and a metal rod, HU `[z, y, x]`."""
    generator = np.random.default_rng(5)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    plane = np.where(((y - 256) / 190) ** 2 + ((x - 256) / 240) ** 2 < 1, 40, -1000)[0]
    hu = np.repeat(plane[None].astype(np.int16), shape[0], axis=0)
    hu[((y - 256 - 0.1 * z) ** 2 + (x - 190) ** 2 < 40**2) & (hu > -500)] = 900
    hu[shape[0] // 3 : -shape[0] // 3 or None][:, 200:214, 300:314] = 12000
    return hu + generator.integers(-20, 20, shape, dtype=np.int16)


def marview_rows(folder: Path, events: int) -> Iterable[tuple[str, list[float], list[float]]]:
    """Measure the drawing times of marview."""
    application()
    window = make_window(Settings())
    window.resize(*SIZE)
    window.show()
    wait_until(lambda: False, 0.3)
    session, original = window.session, window.grid.panes["original"]
    assert isinstance(original, SlicePane)
    began = time.perf_counter()
    session.open(folder)
    wait_until(lambda: session.loaded is not None and original.shown is not None)
    QCoreApplication.processEvents()
    print(f"first picture {time.perf_counter() - began:.2f} s after opening (target {TARGET_FIRST_S:g} s)")
    wait_until(lambda: session.series.hu is not None and session.metal.is_present and not session.metal.is_busy, 600)
    _put_result(window)
    window.commands.show_layout(Layout.MPR)
    session.view.go_to(session.view.display.slice_count // 2)
    wait_until(lambda: False, 1.0)
    panes = {name: window.grid.panes[name] for name in ("original", "coronal", "sagittal", "result")}
    for name, title in (("original", "axial"), ("coronal", "coronal"), ("sagittal", "sagittal")):
        pane = panes[name]
        assert isinstance(pane, ImagePane)
        yield f"marview, scroll {title}", *measured(_wheel(pane.view.viewport(), events))
    yield "marview, drag the HU window", *measured(_drag(original.view.viewport(), events))
    for result in session.results:
        result.is_exported = True
    window.close()


def measured(events: Iterable[Callable[[], None]]) -> tuple[list[float], list[float]]:
    """Return the drawing time and the latency in milliseconds, for each event."""
    paint, picture = [], []
    for send in events:
        began = time.perf_counter()
        send()
        sent = time.perf_counter()
        QCoreApplication.processEvents()
        done = time.perf_counter()
        paint.append((done - sent) * 1000)
        picture.append((done - began) * 1000)
    return paint, picture


def _wheel(target: QWidget, count: int) -> Iterable[Callable[[], None]]:
    at = QPointF(target.rect().center()) + QPointF(40.0, 30.0)
    for number in range(count):
        turned = QPoint(0, -120 if number < count // 2 else 120)
        event = QWheelEvent(
            at, QPointF(target.mapToGlobal(at.toPoint())), QPoint(), turned, NO_BUTTON, NO_KEY,
            Qt.ScrollPhase.NoScrollPhase, False,  # noqa: FBT003 - Qt takes no keyword
        )  # fmt: skip
        yield lambda event=event: QApplication.sendEvent(target, event)  # type: ignore[misc]


def _drag(target: QWidget, count: int) -> Iterable[Callable[[], None]]:
    start = QPointF(target.rect().center()) + QPointF(60.0, 40.0)

    def send(kind: QEvent.Type, at: QPointF, held: Qt.MouseButton) -> None:
        button = NO_BUTTON if kind == QEvent.Type.MouseMove else LEFT
        QApplication.sendEvent(target, QMouseEvent(kind, at, target.mapToGlobal(at), button, held, NO_KEY))

    send(QEvent.Type.MouseButtonPress, start, LEFT)
    for number in range(count):
        at = start + QPointF(40 * np.sin(number / 9), 25 * np.cos(number / 7))
        yield lambda at=at: send(QEvent.Type.MouseMove, at, LEFT)  # type: ignore[misc]
    send(QEvent.Type.MouseButtonRelease, start, NO_BUTTON)


def _put_result(window: MainWindow) -> None:
    """Add a result that changes all slices with metal, as after a run."""
    session, shared = window.session, window.session.metal.shared
    assert shared is not None
    slices = tuple(int(z) for z in session.metal.slices)
    result = Result(
        method="none",
        title="Result",
        version="0",
        parameters={},
        margin_mm=0.0,
        mask_text="",
        slices=slices,
        mask=KeptMask(shared.array, slices),
        store=PlaneStore(),
        series=session.kept.series,
    )
    change = np.random.default_rng(2).normal(0, 30, SHAPE[1:]).astype(np.float32)
    for z in slices:
        result.take(SliceDone(z, metal_pixels=1, trace_fraction=0.0, seconds=0.0), result.store.keep(change))
    session.kept_results.keep(result)
    session.show(result)


def peer_rows(shape: tuple[int, int, int], events: int) -> list[tuple[str, list[float], list[float]]]:
    """Measure the drawing times of VTK's image viewer; empty if VTK cannot draw."""
    command = [sys.executable, "-m", "benchmarks.display", "--peer", "--slices", str(shape[0]), "--events", str(events)]
    environment = {**os.environ, "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow"}
    return _rows_of("VTK", command, environment)


def _rows_of(peer: str, command: list[str], environment: dict[str, str]) -> list[tuple[str, list[float], list[float]]]:
    """Return the measurements of another viewer in a child process; empty if it cannot draw."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"{peer} cannot draw here: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return []
    return [(name, times, times) for name, times in json.loads(done.stdout.splitlines()[-1]).items()]


def _vtk(hu: NDArray[np.int16], events: int) -> dict[str, list[float]]:
    """Measure the milliseconds of VTK's image viewer for three planes and a second axial picture."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers what draws
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkInteractionImage import vtkImageViewer2

    image = vtkImageData()
    image.SetDimensions(*hu.shape[::-1])
    image.SetSpacing(*SPACING_MM[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(hu.reshape(-1)))
    viewers = []
    for orientation in (2, 1, 0, 2):
        viewer = vtkImageViewer2()
        viewer.SetInputData(image)
        viewer.SetSliceOrientation(orientation)
        viewer.GetRenderWindow().SetOffScreenRendering(1)
        viewer.SetSize(SIZE[0] // 3, SIZE[1] * 2 // 5)
        viewer.SetColorWindow(400)
        viewer.SetColorLevel(40)
        viewer.SetSlice((viewer.GetSliceMin() + viewer.GetSliceMax()) // 2)
        viewer.Render()
        viewers.append(viewer)
    times: dict[str, list[float]] = {"VTK image viewer, scroll axial": [], "VTK image viewer, drag the HU window": []}
    middle = hu.shape[0] // 2
    for number in range(events):
        began = time.perf_counter()
        for viewer in (viewers[0], viewers[3]):
            viewer.SetSlice(middle + number % 50)
            viewer.Render()
        times["VTK image viewer, scroll axial"].append((time.perf_counter() - began) * 1000)
    for number in range(events):
        began = time.perf_counter()
        for viewer in viewers:
            viewer.SetColorWindow(400 + 3 * number)
            viewer.Render()
        times["VTK image viewer, drag the HU window"].append((time.perf_counter() - began) * 1000)
    return times


def _two(milliseconds: list[float]) -> str:
    return f"{np.median(milliseconds):.1f} | {np.percentile(milliseconds, 99):.1f}"


if __name__ == "__main__":
    main()
