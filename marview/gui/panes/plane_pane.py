"""A coronal, sagittal or oblique section through the crosshair, original or corrected."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPolygonF, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from marview.gui.measurer import Measurer
from marview.gui.oblique_line import Axes, ObliqueLine
from marview.gui.overlay import outlined
from marview.gui.palette import on_image
from marview.gui.panes.corner_words import patient_words
from marview.gui.panes.image_pane import ImagePane
from marview.session.display import Display, Overlay
from marview.session.measured_plane import SLABS, MeasuredPlane
from marview.session.picture import Picture
from marview.session.result import CorrectedHu
from marview.session.session import Session
from marview.text import tr
from marview.volume.across import Section, Slab
from marview.volume.extent import section_extent_mm

LEFT, RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
TOP, BOTTOM = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
H_CENTRE, V_CENTRE = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
NEAR_PX = 6
WINDOW_DRAG = 1 / 350
REACH_MM = 4000.0


class PlanePane(ImagePane):
    """Pane that shows one section, selected by `name`.

    The wheel moves the section, and the crosshair can be dragged.
    """

    redraws_for = frozenset(
        {"slice_index", "slice_count", "cursor_mm", "layout", "maximised", "slab", "slab_mm", "oblique_deg"}
        | {"is_original_held", "overlays", "are_overlays_hidden"}
    )

    def __init__(self, name: str, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(name, title, parent)
        self.session = session
        self.section: Section | None = None
        self.shown: np.ndarray | None = None
        self._centre = (0.0, 0.0)
        self.view.has_scale = True
        gestures = self.view.gestures
        gestures.windowed.connect(self._drag_window)
        gestures.panned.connect(self._drag_picture)
        gestures.zoomed.connect(self._zoom)
        gestures.scrolled.connect(lambda notches: self._step(-notches))
        gestures.pointed.connect(self._point)
        gestures.add_grab(self._is_near_crosshair, self._move_to)
        self.view.left.connect(lambda: session.view.update(pointed_mm=None))
        session.view.changed.connect(self._follow)
        self.oblique_line = ObliqueLine(self.view, session, self._line_axes, self._crosshair_point)
        self.measurer = Measurer(self.view, session, self)  # after the pane, so that it draws on the new section
        session.library.arrived.connect(self.refresh)
        session.library.finished.connect(self.refresh)
        session.metal.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)

    def refresh(self, *_: object) -> None:
        """Redraw the whole pane."""
        if not self.isVisible():
            return
        session, display = self.session, self.session.view.display
        loaded = session.loaded
        self.section = section = session.crosshair.section(self.name) if loaded is not None else None
        if loaded is None or section is None or not loaded.report.is_volume:
            self.shown = None
            self.view.set_picture(None, QRectF())
            self.set_note("" if loaded is None else tr("not for this series"), "warning")
            return
        result = None if display.is_original_held else session.result
        hu = loaded.volume.hu if result is None else CorrectedHu(loaded.volume.hu, result)
        self.view.set_smooth(is_smooth=display.is_smooth)
        self.shown = np.ascontiguousarray(section.picture(hu, display.slab, display.slab_mm))
        self.view.set_picture(self.shown, self._rect(section))
        mask = None
        if display.shows(Overlay.MASK) and session.metal.shared is not None and session.metal.is_present:
            mask = section.picture(session.metal.shared.array, display.slab, display.slab_mm, nearest=True).astype(bool)
        image = None if mask is None else outlined(np.ascontiguousarray(mask), on_image("metal"), 90, 235)
        self.view.overlay("mask").show_image(image, self._rect(section))
        self.title.setText(tr(section.title) if self.name != "oblique" else tr("Oblique"))
        self.set_note("" if result is None else tr("corrected"), "")
        self._draw_window(display)
        self._look(display)
        self._draw_crosshair(section)
        self._write(display, section)
        self.oblique_line.draw()
        self.measurer.draw()

    def plane(self) -> MeasuredPlane | None:
        """Return the section in view as a measurement plane."""
        display = self.session.view.display
        return None if self.section is None else MeasuredPlane(self.section, display.slab, display.slab_mm)

    def is_there(self) -> bool:
        """Return whether a section is shown."""
        return self.section is not None and self.shown is not None

    def pictures(self) -> tuple[Picture | None, Picture | None]:
        """Return the section through the original and through the result in view."""
        plane, loaded, result = self.plane(), self.session.loaded, self.session.result
        if plane is None or loaded is None:
            return None, None
        hu = loaded.volume.hu
        return plane.picture(hu), None if result is None else plane.picture(CorrectedHu(hu, result))

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if not self.isVisible():
            return
        if names <= {"slice_index", "cursor_mm"} and self.section is not None and self._is_same_section(self.section):
            self._draw_crosshair(self.section)
            return
        if names & self.redraws_for:
            self.refresh()
            return
        if names & {"window", "is_inverted"}:
            self._draw_window(display)
        if "is_smooth" in names:
            self.view.set_smooth(is_smooth=display.is_smooth)
        if names & {"zoom", "extent_mm"}:
            if display.zoom == 1.0:
                self._centre = (0.0, 0.0)
            self._look(display)
        if self.section is not None and names & {"window", "zoom", "is_anonymous"}:
            self._write(display, self.section)

    def _is_same_section(self, shown: Section) -> bool:
        """Return whether the crosshair moved within the section in view, so that only its lines change."""
        section = self.session.crosshair.section(self.name) if shown.axis is not None else None
        return section is not None and section.grid is shown.grid and section.index == shown.index

    def _rect(self, section: Section) -> QRectF:
        width, height = section.shape[1] * section.pixel_mm[1], section.shape[0] * section.pixel_mm[0]
        return QRectF(-width / 2, -height / 2, width, height)

    def _draw_window(self, display: Display) -> None:
        self.view.set_levels(display.window.low_hu, display.window.high_hu, is_inverted=display.is_inverted)

    def _look(self, display: Display) -> None:
        if self.section is not None:
            seen = self._fit(self.section, display)
            self.view.look_from(seen, display.zoom, seen.center() + QPointF(*self._centre))

    def _fit(self, section: Section, display: Display) -> QRectF:
        """Return the part of a section to show at zoom 1: the body."""
        whole = self._rect(section)
        (x, y), (across, down) = section_extent_mm(section, display.extent_mm)
        seen = QRectF(0, 0, min(across, whole.width()), min(down, whole.height()))
        seen.moveCenter(whole.center() if section.axis is not None else QPointF(x, y))
        return seen

    def _line_axes(self) -> Axes | None:
        section = self.section
        return None if section is None or self.name == "oblique" else (section.right, section.down)

    def _crosshair_point(self) -> QPointF | None:
        point = self.session.crosshair.lps_mm
        return None if self.section is None or point is None else QPointF(*self.section.to_screen(point))

    def _draw_crosshair(self, section: Section) -> None:
        point = self.session.crosshair.lps_mm
        if point is None:
            return
        x, y = section.to_screen(point)
        for name, start, end in (
            ("cursor across", (x - REACH_MM, y), (x + REACH_MM, y)),
            ("cursor down", (x, y - REACH_MM), (x, y + REACH_MM)),
        ):
            self.view.set_mark(name, QPolygonF([QPointF(*start), QPointF(*end)]), on_image("focus", 150), 1.0)

    def _write(self, display: Display, section: Section) -> None:
        is_written = not display.are_overlays_hidden
        edges = (LEFT | V_CENTRE, RIGHT | V_CENTRE, TOP | H_CENTRE, BOTTOM | H_CENTRE)
        for edge, letter in zip(edges, section.letters, strict=True):
            self.view.set_text(edge, letter if is_written else "")
        thin = f"  ·  {section.step_mm:.1f} mm"
        thick = thin if display.slab is Slab.NONE else f"\n{tr(SLABS[display.slab])} {display.slab_mm:g} mm"
        turned = ""
        if self.name == "oblique" and display.oblique_deg is not None:
            turned = tr("turned {:.0f}°, tilted {:.0f}°").format(*display.oblique_deg)
        where = turned or section.place
        self.view.set_text(LEFT | TOP, patient_words(self.session, display) if is_written else "")
        self.view.set_text(LEFT | BOTTOM, f"{where}{thick}" if is_written else "")
        zoom = f"{display.zoom:.2f}×\n" if display.zoom != 1 else ""
        window = f"{zoom}W {display.window.width_hu:.0f}  L {display.window.level_hu:.0f}"
        self.view.set_text(RIGHT | BOTTOM, window if is_written else "")

    def _step(self, notches: int) -> None:
        """Move the section; wheel down moves it away from the viewer."""
        section, point = self.section, self.session.crosshair.lps_mm
        if section is None or point is None:
            return
        if section.axis is None:
            self.session.crosshair.move(point + notches * section.pixel_mm[0] * section.normal)
            return
        index = section.grid.to_index(point)
        is_along = section.grid.affine[:3, section.axis] @ section.normal > 0
        index[section.axis] = section.index + (notches if is_along else -notches)
        self.session.crosshair.move(section.grid.to_patient(index))

    def _is_near_crosshair(self, at: QPointF) -> bool:
        point = self.session.crosshair.lps_mm
        if self.section is None or point is None:
            return False
        there = self.view.viewportTransform().map(QPointF(*self.section.to_screen(point)))
        return bool(min(abs(at.x() - there.x()), abs(at.y() - there.y())) <= NEAR_PX)

    def _move_to(self, at: QPointF) -> None:
        if self.section is not None:
            place = self.view.to_scene(at)
            self.session.crosshair.move(self.section.to_lps(place.x(), place.y()))

    def _point(self, at: QPointF, is_linking: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        if is_linking:
            self._move_to(at)

    def _drag_window(self, right_px: float, down_px: float) -> None:
        width = max(100.0, self.session.view.display.window.width_hu)
        self.session.view.adjust_window(right_px * width * WINDOW_DRAG, down_px * width * WINDOW_DRAG)

    def _drag_picture(self, start: QPointF, end: QPointF) -> None:
        moved = self.view.to_scene(end) - self.view.to_scene(start)
        self._centre = (self._centre[0] - moved.x(), self._centre[1] - moved.y())
        self._look(self.session.view.display)

    def _zoom(self, factor: float, at: QPointF) -> None:
        point, before = self.view.to_scene(at), self.session.view.display.zoom
        self.session.view.zoom_at(factor, self.session.view.display.centre_mm)
        kept = before / self.session.view.display.zoom
        x, y = self._centre
        self._centre = (point.x() + (x - point.x()) * kept, point.y() + (y - point.y()) * kept)
        self._look(self.session.view.display)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the section to the new size."""
        super().resizeEvent(event)
        self._look(self.session.view.display)
        self.oblique_line.draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Apply the changes made while the pane was hidden."""
        super().showEvent(event)
        self.refresh()


def turned(oblique_deg: tuple[float, float], turn: float, tilt: float) -> tuple[float, float]:
    """Return the angles in degrees of an oblique section after turning and tilting it."""
    return (oblique_deg[0] + turn + 180) % 360 - 180, max(-90.0, min(90.0, oblique_deg[1] + tilt))
