"""The sinogram of the slice in view; hovering shows the ray of a bin or the sinusoid of a pixel."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QPolygonF, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from marview.gui.overlay import MaskPicture, ramp
from marview.gui.palette import on_image
from marview.gui.panes.image_pane import ImagePane
from marview.gui.panes.segmented import Segmented
from marview.gui.panes.sinogram_words import absence_words, gap_words, worst_words
from marview.session.display import Display, Overlay, SinogramPicture
from marview.session.rays import sinusoid, virtual_beam
from marview.session.session import Session
from marview.session.sinogram_shown import SinogramShown, resolve
from marview.text import tr

SETTLE_MS = 120
STEPS_PER_UNIT = 1000.0
"""Factor from line integrals to int16 pictures, which draw faster than floats."""

HIGHEST = 32.0
DIFFERENCE_REACH = 1.0
INCONSISTENT = 0.5


class SinogramPane(ImagePane):
    """Pane that shows a sinogram, with views on the vertical axis and bins on the horizontal axis."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("sinogram", tr("Sinogram"), parent)
        self.session = session
        self.shown = SinogramShown()
        self._shape = (640, 641)
        self._trace_picture = MaskPicture(on_image("trace"), 34, 255)
        self._levels = (0.0, 6.0)
        self._zoom, self._centre = 1.0, (0.0, 0.0)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask)
        self.switch = Segmented(
            {
                SinogramPicture.ORIGINAL: tr("Original"),
                SinogramPicture.FILLED: tr("Interpolated"),
                SinogramPicture.CORRECTED: tr("Corrected"),
                SinogramPicture.DIFFERENCE: tr("Change"),
            }
        )
        self.switch.chosen.connect(lambda name: session.view.update(sinogram=SinogramPicture(name)))
        self.controls.addWidget(self.switch)
        self.title.is_whole = True  # the note gives way
        gestures = self.view.gestures
        gestures.windowed.connect(self._drag_window)
        gestures.panned.connect(self._drag_picture)
        gestures.zoomed.connect(self._zoom_at)
        gestures.scrolled.connect(lambda notches: session.view.scroll(-notches))
        gestures.pointed.connect(self._point)
        self.view.left.connect(lambda: session.view.update(pointed_ray=None))
        session.view.changed.connect(self._follow)
        for event in (
            session.sinograms.changed,
            session.traces.changed,
            session.traces.surveyed,
            session.metal.changed,
        ):
            event.connect(self._renew)
        for event in (session.result_changed, session.runs.filled, session.runs.changed):
            event.connect(self._renew)

    @property
    def available(self) -> frozenset[SinogramPicture]:
        """Return the kinds of sinogram available for the slice in view."""
        return self.shown.pictures.available

    @property
    def trace(self) -> NDArray[np.bool_] | None:
        """Return the metal trace in view, bool `[view, bin]`; None if there is none."""
        return self.shown.trace

    def refresh(self) -> None:
        """Show the sinogram of the slice in view; request it if it is not available yet."""
        self._show(is_drawn_anew=True)

    def picture(self, kind: SinogramPicture) -> NDArray[np.float32] | None:
        """Return a sinogram of the slice in view, `[view, bin]`, loaded on first use; None if it is not available."""
        return self.shown.pictures.picture(kind)

    def _renew(self, *_: object) -> None:
        """Show what has changed."""
        self._show(is_drawn_anew=False)

    def _show(self, *, is_drawn_anew: bool) -> None:
        """Choose the sinogram to show, and draw all of it or only its changed parts."""
        if not self.isVisible():
            self.shown = SinogramShown()
            return
        if self.session.loaded is not None:
            self.session.traces.switch_on()
        before, self.shown = self.shown, resolve(self.session, self.shown)
        if self.shown.is_wanted:
            self._settle.start()
        if not before.pictures.available and self.available:
            self._fit_levels()
        if is_drawn_anew or self.shown.pictures is not before.pictures:
            self._draw()
        elif self.shown.trace is not before.trace:
            self._draw_overlays(self.session.view.display)
        self._say()

    def _fit_levels(self) -> None:
        original = self.picture(SinogramPicture.ORIGINAL)
        if original is not None:
            low, high = np.percentile(original[::8, ::8], (1, 99.7))
            self._levels = (float(low), float(max(high, low + 0.1)))

    def _draw(self) -> None:
        display = self.session.view.display
        for kind in SinogramPicture:
            self.switch.enable(kind, is_possible=kind in self.available)
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
        self.view.set_text(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, f"{low:z.1f} … {high:z.1f}")

    def _draw_overlays(self, display: Display) -> None:
        trace = self.shown.trace if display.shows(Overlay.TRACE) else None
        image = None if trace is None else self._trace_picture.draw(trace)
        self.view.overlay("trace").show_image(image, self._rect())
        off = self.shown.pictures.consistency if display.shows(Overlay.CONSISTENCY) else None
        image = None if off is None else ramp(np.abs(off) / np.float32(INCONSISTENT), on_image("consistency"))
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
        shown, session = self.shown, self.session
        if shown.trace is None or shown.coverage is None:
            self.set_caption("")
            self.set_note(*absence_words(shown.absence, session.sinograms.refusal))
            return
        coverage = shown.coverage
        older = tr("corrected with an earlier mask") if shown.is_older else ""
        words = tr("trace {:.1%}").format(coverage.fraction)
        if session.traces.refusal:
            self.set_note(session.traces.refusal, "warning")
        elif shown.is_older:
            # first, because a narrow heading cuts the end
            self.set_note(f"{older}, {words}", "warning" if coverage.is_guess else "pending")
        else:
            self.set_note(words, "warning" if coverage.is_guess else "")
        views, bins = shown.trace.shape
        worst = worst_words(session.traces.worst, session.view.display.numbers)
        gap = gap_words(coverage, is_body_known=shown.is_body_known)
        self.set_caption(
            f"{tr('Trace {:.1%}').format(coverage.fraction)}  ·  {gap}",
            "  ·  ".join(filter(None, (older, worst, f"{views} × {bins}"))),
            [tr("Forward projection of the slice: views go down, bins to the right")],
        )

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if names & {"slice_index", "slice_count", "layout", "maximised"}:
            self.refresh()
            return
        if not self.isVisible():
            return
        if names & {"sinogram", "is_inverted", "overlays", "are_overlays_hidden"}:
            self._draw()
        if "pointed_mm" in names:
            self._draw_sinusoid(display)
        if "zoom" in names and display.zoom == 1 and display.centre_mm == (0.0, 0.0):
            self._zoom, self._centre = 1.0, (0.0, 0.0)
            self._look()

    def _ask(self) -> None:
        """Request the sinogram of a slice once the user stays on that slice."""
        if self.isVisible() and resolve(self.session, self.shown).is_wanted:
            self.session.want_sinogram()

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the sinogram to the new size."""
        super().resizeEvent(event)
        self._look()

    def showEvent(self, event: QShowEvent) -> None:
        """Apply the changes made while the pane was hidden."""
        super().showEvent(event)
        self.refresh()
