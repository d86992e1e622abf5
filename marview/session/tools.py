"""The tool in hand and how it is set."""

import enum
from dataclasses import dataclass, fields, replace
from typing import Any

from psygnal import Signal

from marview.volume.brush import Brush


class Tool(enum.StrEnum):
    """What the left button does: change the mask, in the original's pane, or measure, in any pane of a slice."""

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
        """Whether it measures; the others change the mask."""
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
    """On what a change of the mask as a whole works."""

    VOLUME = "volume"
    SLICES = "slices"
    SLICE = "slice"


class Unit(enum.StrEnum):
    """In what growing and shrinking is measured."""

    MM = "mm"
    PIXELS = "px"


RADII_MM = (0.5, 50.0)
_FINE_MM, _COARSE_MM = 5.0, 20.0


@dataclass(frozen=True)
class ToolSettings:
    """The state of the tools.

    Attributes:
        tool: the one in hand.
        radius_mm: radius of brush and eraser.
        is_sphere: whether they work on the slices around as well.
        is_limited: whether what is drawn touches only voxels within the HU range.
        lowest_hu: the range's lower end.
        highest_hu: its upper end.
        removes: whether outlines take metal away.
        scope: on what changes of the whole mask work.
        amount: by how much it is grown or shrunk, or smoothed.
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
        """What the tool in hand leaves behind."""
        is_outline = self.tool in {Tool.FREEHAND, Tool.POLYGON}
        return Brush(
            radius_mm=self.radius_mm,
            is_sphere=self.is_sphere,
            erases=self.removes if is_outline else self.tool is Tool.ERASER,
            hu_range=(self.lowest_hu, self.highest_hu) if self.is_limited else None,
        )


class Tools:
    """Holds the settings, and says what changed in them."""

    changed = Signal(ToolSettings, frozenset)

    def __init__(self) -> None:
        self.settings = ToolSettings()

    def update(self, **changes: Any) -> None:
        """Replace some; emits `changed(settings, names)` where something differs."""
        old = self.settings
        self.settings = new = replace(old, **changes)
        names = frozenset(f.name for f in fields(new) if getattr(new, f.name) != getattr(old, f.name))
        if names:
            self.changed.emit(new, names)

    def take(self, tool: Tool) -> None:
        """Take a tool in hand; put it away where it is there."""
        self.update(tool=Tool.NONE if self.settings.tool is tool else tool)

    def resize(self, steps: int) -> None:
        """Make the brush larger or smaller: half millimetres while it is small, then whole ones, then two at a time."""
        radius = self.settings.radius_mm
        for _ in range(abs(steps)):
            place = radius if steps > 0 else radius - 1e-6
            step = 0.5 if place < _FINE_MM else 1.0 if place < _COARSE_MM else 2.0
            radius += step if steps > 0 else -step
        low, high = RADII_MM
        self.update(radius_mm=min(high, max(low, radius)))
