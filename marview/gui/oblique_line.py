"""The line where the oblique section crosses a pane; its two handles turn the section."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF
from PySide6.QtGui import QPolygonF

from marview.gui.image_view import ImageView
from marview.gui.palette import on_image
from marview.session.display import Display, Layout
from marview.session.session import Session

NEAR_PX, HANDLE_PX = 11, 6
REACH = 0.36
"""Distance of the handles from the crosshair, as a fraction of the view's shorter edge."""

CIRCLE = [(math.cos(turn * math.tau / 24), math.sin(turn * math.tau / 24)) for turn in range(25)]
Axes = tuple[NDArray[np.float64], NDArray[np.float64]]


class ObliqueLine(QObject):
    """Line where the session's oblique section crosses the pane; dragging its handles turns the section.

    Args:
        axes: function that returns the unit vectors (LPS) of the scene's right and down directions; None if the pane is
            empty.
        centre: function that returns the position of the crosshair in the scene; None if there is none.
    """

    def __init__(
        self,
        view: ImageView,
        session: Session,
        axes: Callable[[], Axes | None],
        centre: Callable[[], QPointF | None],
    ) -> None:
        super().__init__(view)
        self._view, self._session = view, session
        self._axes, self._centre = axes, centre
        view.gestures.add_grab(self._is_near, self._drag)
        session.view.changed.connect(self._follow)

    @property
    def handles(self) -> tuple[QPointF, QPointF] | None:
        """Return the handle positions in view pixel coordinates; None if no line is shown."""
        line, centre = self._direction(), self._centre()
        if line is None or centre is None:
            return None
        to_pixels, area = self._view.viewportTransform(), self._view.viewport().size()
        middle = to_pixels.map(centre)
        step = to_pixels.map(centre + line) - middle
        far = REACH * min(area.width(), area.height()) / max(1e-9, math.hypot(step.x(), step.y()))
        return middle - step * far, middle + step * far

    def draw(self) -> None:
        """Draw the line and its handles if the section crosses the pane."""
        handles = self.handles
        if handles is None:
            for name in ("oblique", "oblique first", "oblique second"):
                self._view.set_mark(name, None)
            return
        tone = on_image("warning", 200)
        first, second = handles
        beyond = (second - first) * 4
        self._view.set_mark("oblique", self._line([first - beyond, second + beyond]), tone, 1.2)
        for name, at in (("oblique first", first), ("oblique second", second)):
            circle = [at + QPointF(x * HANDLE_PX, y * HANDLE_PX) for x, y in CIRCLE]
            self._view.set_mark(name, self._line(circle), tone, 1.8)

    def _line(self, pixels: list[QPointF]) -> QPolygonF:
        return QPolygonF([self._view.to_scene(pixel) for pixel in pixels])

    def _direction(self) -> QPointF | None:
        """Return the direction of the line in the scene."""
        display, axes = self._session.view.display, self._axes()
        if axes is None or display.layout is not Layout.MPR or display.are_overlays_hidden:
            return None
        right, down = axes
        line = self._session.crosshair.oblique_line(np.cross(right, down))
        return None if line is None else QPointF(float(line @ right), float(line @ down))

    def _is_near(self, at: QPointF) -> bool:
        handles = self.handles or ()
        return any(math.hypot(at.x() - one.x(), at.y() - one.y()) <= NEAR_PX for one in handles)

    def _drag(self, at: QPointF) -> None:
        axes, centre = self._axes(), self._centre()
        if axes is not None and centre is not None:
            away = self._view.to_scene(at) - centre
            self._session.crosshair.turn_oblique(away.x() * axes[0] + away.y() * axes[1])

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if self._view.isVisible() and names & {
            "oblique_deg", "layout", "cursor_mm", "slice_index", "zoom", "centre_mm", "extent_mm", "quarters",
            "is_mirrored", "are_overlays_hidden", "maximised",
        }:  # fmt: skip
            self.draw()
