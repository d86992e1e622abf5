"""The selected tool and the settings of the tools."""

import enum
from dataclasses import dataclass, fields, replace
from typing import Any

from psygnal import Signal

from marview.volume.brush import Brush


class Tool(enum.StrEnum):
    """Tool assigned to the left mouse button.

    Mask tools work in the pane of the original image; measuring tools work in any slice pane.
    """

    NONE = "none"
    BRUSH = "brush"
    ERASER = "eraser"
    FREEHAND = "freehand"
    POLYGON = "polygon"
    GROW = "grow"
    BOX = "box"
    PROBE = "probe"
    RULER = "ruler"
    ANGLE = "angle"
    PROFILE = "profile"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    REGION = "region"

    @property
    def is_measuring(self) -> bool:
        """Return whether the tool measures instead of changing the mask."""
        return self in {
            Tool.PROBE,
            Tool.RULER,
            Tool.ANGLE,
            Tool.PROFILE,
            Tool.ELLIPSE,
            Tool.RECTANGLE,
            Tool.REGION,
        }


class Scope(enum.StrEnum):
    """Slices to which growing, shrinking, hole filling and smoothing apply."""

    VOLUME = "volume"
    SLICES = "slices"
    SLICE = "slice"


class Unit(enum.StrEnum):
    """Unit of the amount by which the mask grows or shrinks."""

    MM = "mm"
    PIXELS = "px"


RADII_MM = (0.5, 50.0)
_FINE_MM, _COARSE_MM = 5.0, 20.0


@dataclass(frozen=True)
class ToolSettings:
    """Settings of the tools.

    Attributes:
        tool: selected tool.
        radius_mm: radius of the brush and eraser.
        is_sphere: whether the brush and eraser also change neighbouring slices.
        is_limited: whether tools change only voxels in the HU range.
        lowest_hu: lower end of the HU range.
        highest_hu: upper end of the HU range.
        removes: whether outlines remove metal.
        scope: slices to which growing, shrinking, hole filling and smoothing apply.
        amount: amount of growing, shrinking or smoothing.
        unit: unit of the amount.
    """

    tool: Tool = Tool.NONE
    radius_mm: float = 4.0
    is_sphere: bool = False
    is_limited: bool = False
    lowest_hu: int = 1500
    highest_hu: int = 32767
    removes: bool = False
    scope: Scope = Scope.VOLUME
    amount: float = 1.0
    unit: Unit = Unit.MM

    @property
    def brush(self) -> Brush:
        """Return the brush of the selected tool."""
        is_outline = self.tool in {Tool.FREEHAND, Tool.POLYGON}
        return Brush(
            radius_mm=self.radius_mm,
            is_sphere=self.is_sphere,
            erases=self.removes if is_outline else self.tool is Tool.ERASER,
            hu_range=(self.lowest_hu, self.highest_hu) if self.is_limited else None,
        )


class Tools:
    """Mutable tool settings, which emit an event at every change."""

    changed = Signal(ToolSettings, frozenset)

    def __init__(self) -> None:
        self.settings = ToolSettings()

    def update(self, **changes: Any) -> None:
        """Replace settings; emit `changed(settings, names)` if any value differs."""
        old = self.settings
        self.settings = new = replace(old, **changes)
        names = frozenset(f.name for f in fields(new) if getattr(new, f.name) != getattr(old, f.name))
        if names:
            self.changed.emit(new, names)

    def take(self, tool: Tool) -> None:
        """Select a tool; deselect it if it is already selected."""
        self.update(tool=Tool.NONE if self.settings.tool is tool else tool)

    def resize(self, steps: int) -> None:
        """Resize the brush.

        Args:
            steps: number of steps, negative for a smaller brush; a step is 0.5, 1 or 2 mm, depending on the radius.
        """
        radius = self.settings.radius_mm
        for _ in range(abs(steps)):
            place = radius if steps > 0 else radius - 1e-6
            step = 0.5 if place < _FINE_MM else 1.0 if place < _COARSE_MM else 2.0
            radius += step if steps > 0 else -step
        low, high = RADII_MM
        self.update(radius_mm=min(high, max(low, radius)))
