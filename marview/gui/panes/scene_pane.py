"""The 3D pane: bone and metal of the original and the result, rendered with a shared camera."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QPushButton, QToolButton, QWidget

from marview.gui.icons import icon
from marview.gui.label import tooltip
from marview.gui.panes.pane import Pane
from marview.gui.scene.camera import Camera
from marview.gui.scene.messages import Contents, Cut, Draw, Look
from marview.gui.scene.renderer import Renderer, Shown
from marview.gui.scene.view import SceneView
from marview.mar.shared import SharedArray
from marview.session.background import IsStale
from marview.session.display import Display
from marview.session.job import Job
from marview.session.result import Result
from marview.session.session import Session
from marview.text import tr, translatable

SETTLE_MS = 250
"""Delay after the last camera movement before the picture is drawn in full quality."""

FILL_MS = 500
"""Delay after the last change of the mask before the scene is updated."""

IDLE_MS = 60_000
"""Time after which a hidden pane stops its process to free memory."""

CUTS: dict[Cut, str] = {
    "none": translatable("No cut"),
    "axial": translatable("Axial cut"),
    "coronal": translatable("Coronal cut"),
    "sagittal": translatable("Sagittal cut"),
}
LOOKS: dict[Look, str] = {
    "bone": translatable("Bone"),
    "translucent": translatable("Translucent bone"),
    "metal": translatable("Metal only"),
}


class ScenePane(Pane):
    """Pane that starts the drawing process when shown; if drawing is impossible, it explains why."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        view = SceneView()
        super().__init__("scene", tr("3D"), view, parent)
        self.view = view
        self.session = session
        self.cut: Cut = "none"
        self.look: Look = "bone"
        self.renderer = Renderer(session.background.post, self._take, self._follow_state)
        self._number = self._filled_at = 0
        self._fills = session.background.latest()
        self._lent: SharedArray | None = None
        self._make_controls()
        self._still = _timer(self, SETTLE_MS, lambda: self._ask(is_moving=False))
        self._refill = _timer(self, FILL_MS, self._fill)
        self._idle = _timer(self, IDLE_MS, self._stop)
        self.view.moved.connect(lambda: self._ask(is_moving=True))
        self.view.settled.connect(self._still.start)
        self.view.resized.connect(self._still.start)
        self.view.gestures.double_clicked.connect(lambda: self.maximise_asked.emit(self.name))
        self.view.gestures.menu_asked.connect(self.menu_asked)
        self.view.gestures.scrolled.connect(self._wheel)
        session.view.changed.connect(self._follow)
        session.library.finished.connect(self._change)
        session.library.started.connect(self._forget)
        session.library.emptied.connect(self._forget)
        session.metal.changed.connect(self._change)
        session.result_changed.connect(self._change)
        session.runs.changed.connect(self._follow_run)
        self.destroyed.connect(self._stop)

    def _make_controls(self) -> None:
        self.looks = _chooser(LOOKS, tr("Volume"), tr("What the volume shows"), self._set_look)
        self.surface = QToolButton()
        self.surface.setIcon(icon("mask"))
        self.surface.setCheckable(True)
        self.surface.setChecked(True)
        self.surface.setToolTip(tr("Metal mask as a surface"))
        self.surface.setAccessibleName(tr("Metal mask as a surface"))
        self.surface.toggled.connect(lambda _is_on: self._ask(is_moving=False))
        tip = tr("Cut away the part in front of a plane through the crosshair; the wheel moves the plane")
        self.cuts = _chooser(CUTS, tr("Cut"), tip, self._set_cut)
        self.retry = QPushButton(tr("Retry"))
        self.retry.clicked.connect(self._start)
        self.retry.hide()
        for widget in (self.retry, self.looks, self.surface, self.cuts):
            self.controls.addWidget(widget)

    def is_settled(self) -> bool:
        """Return whether the latest request has been drawn or refused."""
        shown = self.view.shown
        is_drawn = shown is not None and shown.drawn.number == self._number and not self._fills.is_busy
        return bool(self.renderer.refusal) or (is_drawn and not self._still.isActive() and not self._refill.isActive())

    # -- requests to the process

    def _start(self) -> None:
        self.view.say(tr("Preparing the 3D view …"))
        self.retry.hide()
        self.renderer.start()
        self._fill()

    def _fill(self) -> None:
        """Send volume, correction and mask, unless the pane is hidden."""
        session, loaded = self.session, self.session.loaded
        hu = session.series.hu
        if not self.isVisible():
            return
        if loaded is None or hu is None or not loaded.report.is_volume:
            self.view.show_picture(None)
            is_read = loaded is not None and hu is not None
            self.view.say(tr("This series is not a volume, so there is no 3D view.") if is_read else "")
            return
        result = session.result
        slices = () if result is None else tuple(sorted(result.done))
        mask = session.metal.shared if session.metal.is_present else None
        contents = Contents(
            hu=hu.description,
            affine=tuple(float(value) for value in loaded.volume.grid.affine.ravel()),
            mask=None if mask is None else mask.description,
        )
        if result is None or not slices:
            self._fills.drop()
            self._send(contents, None)
        else:
            self._lend(contents, loaded.volume.hu, result, slices)
        self.view.titles = (tr("Original"), "" if result is None else tr(result.title))
        self.surface.setEnabled(mask is not None)
        self.set_caption(tr("Volume rendering; streaks and noise may look like bone"), tr("Not for primary diagnosis."))

    def _lend(self, contents: Contents, hu: NDArray[np.int16], result: Result, slices: tuple[int, ...]) -> None:
        """Copy the corrected slices to shared memory, then send the contents."""
        made: list[SharedArray] = []

        def work(_is_stale: IsStale) -> SharedArray:
            made.append(_corrected(hu, result, slices))
            return made[0]

        def done(lent: SharedArray) -> None:
            self._send(contents.model_copy(update={"corrected": lent.description, "slices": slices}), lent)

        self._fills.run(work, done, self._say, lambda: _close(made))

    def _send(self, contents: Contents, lent: SharedArray | None) -> None:
        self._take_back()
        self._lent = lent
        self.renderer.fill(contents)
        self._filled_at = self._number + 1
        self._ask(is_moving=False)

    def _take_back(self) -> None:
        """Release the shared memory of the corrected slices."""
        if self._lent is not None:
            self._lent.close()
            self._lent = None

    def _say(self, sentence: str) -> None:
        self.view.show_picture(None)
        self.view.say(sentence)

    def _stop(self) -> None:
        self.renderer.stop()
        self._take_back()

    def _ask(self, *, is_moving: bool) -> None:
        if not self.isVisible():
            return
        size, camera = self.view.picture_size, self.view.camera
        point = self.session.crosshair.lps_mm
        self._number += 1
        self.renderer.draw(
            Draw(
                number=self._number,
                width=size.width(),
                height=size.height(),
                azimuth_deg=camera.azimuth_deg,
                elevation_deg=camera.elevation_deg,
                zoom=camera.zoom,
                pan_mm=camera.pan_mm,
                cut=self.cut,
                cut_at=(0.0, 0.0, 0.0) if point is None else (float(point[0]), float(point[1]), float(point[2])),
                look=self.look,
                has_mask=self.surface.isChecked(),
                quality="moving" if is_moving else "still",
            )
        )
        if is_moving:
            self._still.start()

    # -- answers of the process

    def _take(self, shown: Shown) -> None:
        if shown.drawn.number >= self._filled_at:
            self._take_back()
        if self.session.loaded is not None:
            self.view.say("")
            self.view.show_picture(shown)

    def _follow_state(self) -> None:
        if self.renderer.refusal:
            self._say(tr(self.renderer.refusal))
            self._take_back()
            self.retry.show()

    # -- changes in the session

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if not self.isVisible():
            return
        if self.cut != "none" and names & {"slice_index", "cursor_mm"}:
            self._ask(is_moving=True)
        if names & {"zoom", "centre_mm"} and display.zoom == 1.0 and display.centre_mm == (0.0, 0.0):
            self.view.look_from(Camera(self.view.camera.azimuth_deg, self.view.camera.elevation_deg))

    def _change(self, *_: object) -> None:
        self._refill.start()

    def _follow_run(self, job: Job) -> None:
        if job.state.is_over:
            self._refill.start()

    def _forget(self, *_: object) -> None:
        self.view.show_picture(None)
        self.view.say(tr("Preparing the 3D view …") if self.session.loaded is not None else "")

    def _set_look(self, name: str) -> None:
        self.look = next(look for look in LOOKS if look == name)
        self._ask(is_moving=False)

    def _set_cut(self, name: str) -> None:
        self.cut = next(cut for cut in CUTS if cut == name)
        self._ask(is_moving=False)

    def _wheel(self, notches: int) -> None:
        """Move the cutting plane; without one, zoom."""
        point, loaded = self.session.crosshair.lps_mm, self.session.loaded
        if self.cut == "none" or point is None or loaded is None:
            self.view.look_from(self.view.camera.zoomed(1.2**notches))
            return
        axis = {"sagittal": 0, "coronal": 1, "axial": 2}[self.cut]
        away = 1.0 if self.view.camera.forward[axis] >= 0 else -1.0
        point[axis] -= notches * away * max(loaded.volume.grid.spacing_mm)
        self.session.crosshair.move(point)

    def showEvent(self, event: QShowEvent) -> None:
        """Start the drawing process."""
        super().showEvent(event)
        self._idle.stop()
        self._start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the drawing process if the pane stays hidden."""
        super().hideEvent(event)
        self._idle.start()


def _chooser(choices: Mapping[Any, str], title: str, tip: str, chosen: Callable[[str], None]) -> QComboBox:
    """Make a chooser of names with their titles."""
    box = QComboBox()
    for name, words in choices.items():
        box.addItem(tr(words), name)
    box.setAccessibleName(title)
    box.setToolTip(tooltip(tip))
    box.activated.connect(lambda at: chosen(box.itemData(at)))
    return box


def _corrected(hu: NDArray[np.int16], result: Result, slices: tuple[int, ...]) -> SharedArray:
    """Return the corrected slices in shared memory, int16 HU `[row, y, x]`."""
    shared = SharedArray.create((len(slices), *hu.shape[1:]), np.int16)
    for row, z in enumerate(slices):
        shared.array[row] = result.corrected(hu[z], z)
    return shared


def _close(arrays: list[SharedArray]) -> None:
    for one in arrays:
        one.close()


def _timer(pane: ScenePane, milliseconds: int, then: Callable[[], None]) -> QTimer:
    timer = QTimer(pane)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(then)
    return timer
