"""The sinogram of the slice in view with the metal trace; the mouse links bins to rays and pixels to sinusoids."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QPolygonF
from PySide6.QtWidgets import QWidget

from marview.geometry import SliceNumbers, TraceCoverage
from marview.gui.overlay import MaskPicture, ramp
from marview.gui.palette import on_image
from marview.gui.panes.image_pane import ImagePane
from marview.gui.panes.segmented import Segmented
from marview.session.display import Display, Overlay, SinogramPicture
from marview.session.rays import sinusoid, virtual_beam
from marview.session.runs import Job
from marview.session.session import Session
from marview.text import tr

SETTLE_MS = 120
STEPS_PER_UNIT = 1000.0
"""Factor from line integrals to int16 pictures, which draw faster than floats."""

HIGHEST = 32.0
OUTPUTS = {
    SinogramPicture.ORIGINAL: "sinogram",
    SinogramPicture.FILLED: "li_sinogram",
    SinogramPicture.CORRECTED: "corrected_sinogram",
}
"""The worker's names for the pictures."""

DIFFERENCE_REACH = 1.0
INCONSISTENT = 0.5


class SinogramPane(ImagePane):
    """Shows a sinogram with views downwards and bins to the right."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("sinogram", tr("Sinogram"), parent)
        self.session = session
        self.available: frozenset[SinogramPicture] = frozenset()
        self._load: Callable[[SinogramPicture], NDArray[Any] | None] = lambda _kind: None
        self._read: dict[SinogramPicture, NDArray[np.float32]] = {}
        self._shape = (640, 641)
        self._trace: NDArray[np.bool_] | None = None
        self._trace_picture = MaskPicture(on_image("trace"), 34, 255)
        self._is_stale = False
        self._levels = (0.0, 6.0)
        self._zoom, self._centre = 1.0, (0.0, 0.0)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask)
        self.switch = Segmented(
            {
                SinogramPicture.ORIGINAL: tr("Original"),
                SinogramPicture.FILLED: tr("LI"),
                SinogramPicture.CORRECTED: tr("Corrected"),
                SinogramPicture.DIFFERENCE: tr("Change"),
            }
        )
        self.switch.chosen.connect(lambda name: session.view.update(sinogram=SinogramPicture(name)))
        self.controls.addWidget(self.switch)
        gestures = self.view.gestures
        gestures.windowed.connect(self._drag_window)
        gestures.panned.connect(self._drag_picture)
        gestures.zoomed.connect(self._zoom_at)
        gestures.scrolled.connect(lambda notches: session.view.scroll(-notches))
        gestures.pointed.connect(self._point)
        self.view.left.connect(lambda: session.view.update(pointed_ray=None))
        session.view.changed.connect(self._follow)
        session.sinograms.changed.connect(self._arrive)
        session.traces.changed.connect(self._trace_anew)
        session.traces.surveyed.connect(self._say)
        session.metal.changed.connect(self._change)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self._fill)
        session.runs.changed.connect(self._resume)

    @property
    def trace(self) -> NDArray[np.bool_] | None:
        """Return the trace in view, bool `[view, bin]`."""
        return self._trace

    def refresh(self) -> None:
        """Show the sinogram of the slice in view; request it if there is none yet."""
        if not self.isVisible():
            return
        if self.session.loaded is not None:
            self.session.traces.switch_on()
        self._gather()
        for picture in SinogramPicture:
            self.switch.enable(picture, is_possible=picture in self.available)
        self._draw()

    def picture(self, kind: SinogramPicture) -> NDArray[np.float32] | None:
        """Return a sinogram of the slice in view, `[view, bin]`, loaded on first use; None if there is none."""
        if kind not in self.available:
            return None
        if kind not in self._read:
            if kind is SinogramPicture.DIFFERENCE:
                is_corrected = SinogramPicture.CORRECTED in self.available
                after = self.picture(SinogramPicture.CORRECTED if is_corrected else SinogramPicture.FILLED)
                before = self.picture(SinogramPicture.ORIGINAL)
                values = None if after is None or before is None else after - before
            else:
                values = self._load(kind)
            if values is None:
                return None
            self._read[kind] = np.asarray(values, dtype=np.float32)
        return self._read[kind]

    def _gather(self) -> None:
        """Find the sinograms of the run in view, or those projected before any run, and the current mask's trace."""
        session, z = self.session, self.session.view.display.slice_index
        result, ready = session.result, session.sinograms.current
        is_first = not self.available
        self._read.clear()
        if result is not None and ("sinogram", z) in result.outputs:
            self._load = lambda kind: result.output(OUTPUTS[kind], z)
            self.available = frozenset(kind for kind, name in OUTPUTS.items() if (name, z) in result.outputs)
            trace = result.output("trace", z)
            self._trace = None if trace is None else trace.astype(bool)
        elif ready is not None and ready.slice_index == z:
            self._load = {SinogramPicture.ORIGINAL: ready.sinogram, SinogramPicture.FILLED: ready.filled}.get
            self.available = frozenset({SinogramPicture.ORIGINAL, SinogramPicture.FILLED})
            self._trace = ready.trace
        else:
            self.available, self._trace = frozenset(), None
            self._settle.start()
        live = session.traces.current
        if self.available and live is not None and live.slice_index == z:
            self._trace = live.trace
        if self.available & {SinogramPicture.FILLED, SinogramPicture.CORRECTED}:
            self.available |= {SinogramPicture.DIFFERENCE}
        if is_first and self.available:
            self._fit_levels()
        self._say()

    def _fit_levels(self) -> None:
        original = self.picture(SinogramPicture.ORIGINAL)
        if original is not None:
            low, high = np.percentile(original[::8, ::8], (1, 99.7))
            self._levels = (float(low), float(max(high, low + 0.1)))

    def _draw(self) -> None:
        display = self.session.view.display
        chosen = display.sinogram if display.sinogram in self.available else SinogramPicture.ORIGINAL
        self.switch.choose(chosen)
        values = self.picture(chosen)
        self._shape = self._shape if values is None else (values.shape[0], values.shape[1])
        if values is None:
            self.view.set_picture(None, QRectF())
        else:
            steps = np.clip(values, -HIGHEST, HIGHEST) * np.float32(STEPS_PER_UNIT)
            self.view.set_picture(steps.astype(np.int16), self._rect())
        self._draw_levels(chosen)
        self._draw_overlays(display)
        self._look()
        self._draw_sinusoid(display)

    def _draw_levels(self, chosen: SinogramPicture) -> None:
        low, high = self._levels
        if chosen is SinogramPicture.DIFFERENCE:
            low, high = -DIFFERENCE_REACH, DIFFERENCE_REACH
        self.view.set_levels(
            low * STEPS_PER_UNIT, high * STEPS_PER_UNIT, is_inverted=self.session.view.display.is_inverted
        )
        self.view.set_text(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, f"{low:.1f} … {high:.1f}")

    def _draw_overlays(self, display: Display) -> None:
        trace = self._trace if display.shows(Overlay.TRACE) else None
        image = None if trace is None else self._trace_picture.draw(trace)
        self.view.overlay("trace").show_image(image, self._rect())
        result, image = self.session.result, None
        if result is not None and display.shows(Overlay.CONSISTENCY):
            off = result.output("consistency", display.slice_index)
            image = (
                None
                if off is None
                else ramp(np.abs(off.astype(np.float32)) / np.float32(INCONSISTENT), on_image("consistency"))
            )
        self.view.overlay("consistency").show_image(image, self._rect())

    def _draw_sinusoid(self, display: Display) -> None:
        original = self.session.original()
        if display.pointed_mm is None or original is None or not self.available:
            self.view.set_mark("sinusoid", None)
            return
        beam = virtual_beam((original.values.shape[0], original.values.shape[1]), original.pixel_mm)
        bins = sinusoid(beam, display.pointed_mm) + 0.5
        curve = QPolygonF([QPointF(float(bins[view]), view + 0.5) for view in range(0, beam.views, 4)])
        self.view.set_mark("sinusoid", curve, on_image("pointer"), 1.5)

    def _rect(self) -> QRectF:
        views, bins = self._shape
        return QRectF(0, 0, bins, views)

    def _look(self) -> None:
        whole = self._rect()
        seen = QRectF(0, 0, whole.width() / self._zoom, whole.height() / self._zoom)
        seen.moveCenter(whole.center() + QPointF(*self._centre))
        self.view.look_at(seen, is_stretched=True)

    def _say(self) -> None:
        if not self.isVisible():
            return
        session, z = self.session, self.session.view.display.slice_index
        if self._trace is None:
            self.set_caption("")
        if self._trace is not None:
            views, bins = self._trace.shape
            told = self._told_coverage(self._trace)
            coverage = told or TraceCoverage.of(self._trace)
            words = tr("trace {:.1%}").format(coverage.fraction)
            if session.traces.refusal:
                self.set_note(session.traces.refusal, "warning")
            elif self._is_result_older(z):
                words += tr(", the mask has changed since the result")
                self.set_note(words, "warning" if coverage.is_guess else "pending")
            else:
                self.set_note(words, "warning" if coverage.is_guess else "")
            gap = gap_words(coverage, is_body_known=told is not None)
            worst = worst_words(session.traces.worst, session.view.display.numbers)
            self.set_caption(
                f"{tr('Trace {:.1%}').format(coverage.fraction)}  ·  {gap}",
                "  ·  ".join(filter(None, (worst, f"{views} × {bins}"))),
                [tr("Forward projection of the slice: views go down, bins to the right")],
            )
        elif session.loaded is None:
            self.set_note("")
        elif session.sinograms.refusal:
            self.set_note(session.sinograms.refusal, "warning")
        elif not session.loaded.report.is_volume:
            self.set_note(tr("not for this series"), "warning")
        elif session.runs.is_running:
            is_coming = session.result is not None and z in session.result.slices
            self.set_note(tr("waiting for this slice") if is_coming else tr("waiting for the run"), "pending")
        else:
            self.set_note(tr("projecting …"), "pending")

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if not self.isVisible():
            return
        if names & {"slice_index", "slice_count", "layout", "maximised"}:
            self.refresh()
            return
        if names & {"sinogram", "is_inverted", "overlays", "are_overlays_hidden"}:
            self._draw()
        if "pointed_mm" in names:
            self._draw_sinusoid(display)
        if "zoom" in names and display.zoom == 1 and display.centre_mm == (0.0, 0.0):
            self._zoom, self._centre = 1.0, (0.0, 0.0)
            self._look()

    def _told_coverage(self, trace: NDArray[np.bool_]) -> TraceCoverage | None:
        """Return the coverage of the trace in view if it was computed with the trace; None for a result's own trace."""
        for made in (self.session.traces.current, self.session.sinograms.current):
            if made is not None and made.trace is trace:
                return made.coverage
        return None

    def _is_result_older(self, slice_index: int) -> bool:
        """Return whether the mask has changed since the result in view."""
        result, metal = self.session.result, self.session.metal
        if result is None or metal.shared is None or ("sinogram", slice_index) not in result.outputs:
            return False
        return not np.array_equal(result.mask[slice_index], metal.shared.array[slice_index])

    def _trace_anew(self) -> None:
        """Redraw the outline of the trace while the user paints."""
        live, z = self.session.traces.current, self.session.view.display.slice_index
        if self.session.traces.refusal:
            self.refresh()
            return
        if self.isVisible() and self.available and live is not None and live.slice_index == z:
            self._trace = live.trace
            self._draw_overlays(self.session.view.display)
            self._say()

    def _change(self) -> None:
        """Follow a change of the mask: the sinogram stays valid, its completed trace does not."""
        if not self.isVisible():
            self._is_stale = True
            return
        self._is_stale = self.session.sinograms.current is not None
        self._settle.start()
        self._say()

    def _arrive(self) -> None:
        self._is_stale = False
        self.refresh()

    def _ask(self) -> None:
        is_wanted = not self.available or self._is_stale
        if self.isVisible() and is_wanted and not self.session.runs.is_running and not self.session.metal.is_painting:
            self.session.want_sinogram()

    def _resume(self, job: Job) -> None:
        """Request what was skipped during a run, for example a slice without metal."""
        if job.state.is_over and self.isVisible():
            self._settle.start()
            self._say()

    def _fill(self, slice_index: int) -> None:
        if slice_index == self.session.view.display.slice_index:
            self.refresh()

    def _drag_window(self, right_px: float, down_px: float) -> None:
        low, high = self._levels
        width, level = max(0.02, (high - low) * (1 + right_px / 350)), (low + high) / 2 + down_px * (high - low) / 350
        self._levels = (level - width / 2, level + width / 2)
        self._draw_levels(self.session.view.display.sinogram)

    def _drag_picture(self, start: QPointF, end: QPointF) -> None:
        moved = self.view.to_scene(end) - self.view.to_scene(start)
        self._centre = (self._centre[0] - moved.x(), self._centre[1] - moved.y())
        self._look()

    def _zoom_at(self, factor: float, at: QPointF) -> None:
        point = self.view.to_scene(at) - self._rect().center()
        zoom = min(64.0, max(0.5, self._zoom * factor))
        kept = self._zoom / zoom
        x, y = self._centre
        self._zoom = zoom
        self._centre = (point.x() + (x - point.x()) * kept, point.y() + (y - point.y()) * kept)
        self._look()

    def _point(self, at: QPointF, _is_linking: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        point = self.view.to_scene(at)
        whole = self._rect()
        is_inside = bool(self.available) and whole.contains(point)
        ray = (int(point.y()), int(point.x())) if is_inside else None
        self.session.view.update(pointed_ray=ray)

    def resizeEvent(self, event: Any) -> None:
        """Keep the sinogram fitted."""
        super().resizeEvent(event)
        self._look()

    def showEvent(self, event: Any) -> None:
        """Apply the changes made while hidden."""
        super().showEvent(event)
        if self._is_stale:
            self._settle.start()
        self.refresh()


def gap_words(coverage: TraceCoverage, *, is_body_known: bool = True) -> str:
    """Describe the gap that the trace leaves in a slice's sinogram."""
    if not is_body_known:
        return tr("largest gap {} bins").format(coverage.largest_gap)
    if coverage.hidden_views:
        return tr("largest gap {} bins  ·  {} views are fully hidden by metal").format(
            coverage.largest_gap, coverage.hidden_views
        )
    return tr("largest gap {} bins  ·  no view is fully hidden by metal").format(coverage.largest_gap)


def worst_words(worst: tuple[int, TraceCoverage] | None, numbers: SliceNumbers) -> str:
    """Name the slice with the highest trace coverage."""
    if worst is None or not worst[1].fraction:
        return ""
    return tr("Worst slice {}: {:.1%}").format(numbers.number(worst[0]), worst[1].fraction)
