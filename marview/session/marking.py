"""Make the view follow the mask: go to slices with metal, and show the mask when a tool is selected."""

import numpy as np

from marview.session.display import Overlay, View
from marview.session.metal import Metal
from marview.session.open_series import OpenSeries
from marview.session.tools import Tool, Tools, ToolSettings
from marview.session.traces import Traces
from marview.volume.box import Box


class Marking:
    """Connection between mask and view, which makes the view go to slices where the mask changes."""

    def __init__(self, series: OpenSeries, metal: Metal, tools: Tools, traces: Traces, view: View) -> None:
        self._series = series
        self._metal = metal
        self._traces = traces
        self._view = view
        metal.changed.connect(self._show_metal)
        tools.changed.connect(self._take_tool)

    def undo(self) -> None:
        """Undo the last change to the mask, and go to a changed slice."""
        self._show_change(self._metal.undo())

    def redo(self) -> None:
        """Redo the last undone change, and go to a changed slice."""
        self._show_change(self._metal.redo())

    def _take_tool(self, tools: ToolSettings, names: frozenset[str]) -> None:
        """Show the mask and its trace when a mask tool is selected; measuring tools have no effect."""
        if "tool" in names and tools.tool is not Tool.NONE and not tools.tool.is_measuring:
            self._traces.switch_on()
            self._view.update(overlays=self._view.display.overlays | {Overlay.MASK}, are_overlays_hidden=False)

    def _show_metal(self) -> None:
        """Show the slice with the most metal once metal is found, unless the user has moved to another slice."""
        display, counts, unlooked = self._view.display, self._metal.counts, self._series.unlooked
        if unlooked is None or not self._metal.is_found:
            return
        self._series.unlooked = None
        if display.slice_index == unlooked and self._metal.is_present:
            most = np.flatnonzero(counts == counts.max())
            self._view.go_to(int(min(most, key=lambda z: abs(z - display.slice_index))))

    def _show_change(self, box: Box | None) -> None:
        if box is not None:
            here = self._view.display.slice_index
            self._view.go_to(min(max(here, box[0].start), box[0].stop - 1))
