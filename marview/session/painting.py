"""Apply the mask tools to a slice: brush strokes, outlines, seeds and boxes."""

import numpy as np
from psygnal import Signal

from marview.session.display import View
from marview.session.metal import Metal
from marview.session.segmenting import Source
from marview.session.tools import Tool, Tools, ToolSettings
from marview.volume.box import Box
from marview.volume.growing import grow_from

CLOSES_PX = 1.5
"""Largest distance in voxels from the first corner of a polygon at which a click closes the polygon."""

Place = tuple[float, float]
"""Fractional index (y, x) in the slice in view."""


class Painting:
    """Handler for the mask tools that turns mouse positions, given in voxels, into changes to the mask.

    Event, sent on the window's thread: `drawn()` when the outline changes.

    Attributes:
        outline: corners (y, x) of the outline in progress; for a box, two opposite corners.
    """

    drawn = Signal()

    def __init__(self, metal: Metal, tools: Tools, view: View) -> None:
        self.outline: list[Place] = []
        self._metal = metal
        self._tools = tools
        self._view = view
        self._last: Place | None = None
        self._slice = 0
        tools.changed.connect(self._change)
        view.changed.connect(lambda _display, names: self.cancel() if names & {"slice_index", "slice_count"} else None)

    @property
    def is_outlining(self) -> bool:
        """Return whether an outline is in progress."""
        return bool(self.outline)

    def press(self, at: Place) -> None:
        """Handle a press of the mouse button."""
        tool = self._tools.settings.tool
        self._slice = self._view.display.slice_index
        if tool in {Tool.BRUSH, Tool.ERASER}:
            if self._metal.begin_stroke():
                self._last = at
                self._stamp(at)
        elif tool is Tool.GROW:
            self._grow(at)
        elif tool is Tool.POLYGON:
            self._add_corner(at)
        elif tool in {Tool.FREEHAND, Tool.BOX}:
            self._last = at
            self._draw([at])

    def move(self, at: Place) -> None:
        """Handle a mouse move while the button is down."""
        tool = self._tools.settings.tool
        if self._last is None:
            return
        if tool in {Tool.BRUSH, Tool.ERASER}:
            self._stamp(at)
        elif tool is Tool.FREEHAND:
            self._draw([*self.outline, at])
        elif tool is Tool.BOX:
            self._draw([self.outline[0], at])

    def release(self) -> None:
        """Handle the release of the mouse button."""
        is_begun, self._last = self._last is not None, None
        tool = self._tools.settings.tool
        if not is_begun:
            return
        if tool in {Tool.BRUSH, Tool.ERASER}:
            self._metal.end_stroke()
        elif tool is Tool.FREEHAND:
            self.close()
        elif tool is Tool.BOX:
            self._keep_within()

    def close(self) -> None:
        """Close the outline and fill it."""
        corners = np.array(self.outline, np.float64)
        self._draw([])
        if len(corners) >= 3 and self._metal.begin_stroke():
            self._metal.fill_outline(self._slice, corners, self._tools.settings.brush)
            self._metal.end_stroke()

    def cancel(self) -> None:
        """Discard the outline and end the stroke."""
        self._last = None
        self._metal.end_stroke()
        if self.outline:
            self._draw([])

    def _stamp(self, at: Place) -> None:
        start = self._last or at
        self._last = at
        self._metal.stamp((self._slice, *start), (self._slice, *at), self._tools.settings.brush)

    def _add_corner(self, at: Place) -> None:
        if len(self.outline) >= 3 and np.hypot(*np.subtract(at, self.outline[0])) <= CLOSES_PX:
            self.close()
        elif not self.outline or at != self.outline[-1]:
            self._draw([*self.outline, at])

    def _grow(self, at: Place) -> None:
        seed = (self._slice, round(at[0]), round(at[1]))
        metal = self._metal
        if metal.asked.source is Source.GROWING:
            metal.add_seed(seed)
        elif metal.mask is not None and metal.mask.hu is not None:
            hu, in_slice = metal.mask.hu, metal.asked.in_slices
            metal.edit(lambda mask: mask | grow_from(hu, seed, in_slice=in_slice))

    def _keep_within(self) -> None:
        """Limit the metal in all slices to the drawn box; a click without a drag removes the box."""
        ends = np.array(self.outline)
        self._draw([])
        mask = self._metal.mask
        if mask is None:
            return
        shape = mask.array.shape
        low = np.clip(np.ceil(ends.min(axis=0) - 0.5), 0, shape[1:]).astype(int)
        high = np.clip(np.floor(ends.max(axis=0) + 0.5) + 1, 0, shape[1:]).astype(int)
        box: Box | None = (slice(0, shape[0]), slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
        if len(ends) < 2 or (np.ptp(ends, axis=0) < 1).any() or (high <= low).any():
            box = None
        self._metal.choose(box=box)

    def _draw(self, outline: list[Place]) -> None:
        self.outline = outline
        self.drawn.emit()

    def _change(self, _settings: ToolSettings, names: frozenset[str]) -> None:
        if "tool" in names:
            self.cancel()
