"""Display state of all panes as an immutable snapshot, which lets panes redraw only what has changed."""

import enum
import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from psygnal import Signal

from marview.geometry import SliceNumbers
from marview.volume.across import Slab
from marview.volume.window import HuWindow, is_usable_window


class Layout(enum.StrEnum):
    """A named arrangement of panes."""

    READ = "read"
    MAR = "mar"
    SENSITIVITY = "sensitivity"
    MPR = "mpr"
    SCENE = "scene"
    COMPARE = "compare"


class Overlay(enum.StrEnum):
    """An overlay on an image or sinogram."""

    MASK = "mask"
    TRACE = "trace"
    CHANGED = "changed"
    CONSISTENCY = "consistency"
    SPREAD = "spread"


class Comparison(enum.StrEnum):
    """Mode in which the result pane compares the original with the result."""

    NONE = "none"
    SWIPE = "swipe"
    DIFFERENCE = "difference"
    FLICKER = "flicker"
    BLEND = "blend"
    CHECKERBOARD = "checkerboard"


class SinogramPicture(enum.StrEnum):
    """Type of sinogram to show."""

    ORIGINAL = "original"
    FILLED = "filled"
    CORRECTED = "corrected"
    DIFFERENCE = "difference"


ZOOM_RANGE = (0.25, 64.0)
SOFT_TISSUE = HuWindow(400.0, 40.0)
DIFFERENCE = HuWindow(400.0, 0.0)


@dataclass(frozen=True)
class Display:
    """The display state, shared by all panes.

    Attributes:
        slice_index: index z of the slice in view.
        slice_count: number of slices; 0 if no series is open.
        numbers: slice numbers as shown to the user.
        window: HU window.
        difference_window: HU window of the difference image, result minus original.
        extent_mm: size (z, y, x) of the box that panes show at zoom 1; it contains the body and is
            centred in the volume.
        zoom: zoom factor; 1 fits the body into its pane.
        centre_mm: (x, y) at the centre of the panes, relative to the centre of the slice.
        cursor_mm: (x, y) of the linked crosshair.
        pointed_mm: (x, y) under the mouse in an image pane; the sinogram pane draws the sinusoid of this
            point.
        pointed_ray: (view, bin) under the mouse in the sinogram pane; the image panes draw this ray.
        quarters: number of clockwise quarter turns of the slice, 0 to 3.
        is_mirrored: whether the slice is mirrored left to right before it is turned.
        is_smooth: whether enlarged pixels are interpolated.
        is_playing: whether the slices are being played in a loop.
        is_original_held: whether the result panes show the original.
        swipe: fraction of the result pane that shows the original while swiping, 0 to 1.
        slab: projection of thick coronal, sagittal and oblique sections.
        slab_mm: thickness of these sections in mm.
        oblique_deg: rotation of the oblique section around the head-feet axis, and its tilt; None if
            there is no oblique section.
        has_scene: whether the *Planes* layout shows the 3D scene instead of the result.
        is_anonymous: whether the panes hide the patient's name.
        maximised: name of the maximised pane; empty for none.
        active: name of the pane that has the focus.
    """

    slice_index: int = 0
    slice_count: int = 0
    numbers: SliceNumbers = field(default_factory=SliceNumbers)
    window: HuWindow = SOFT_TISSUE
    difference_window: HuWindow = DIFFERENCE
    is_inverted: bool = False
    quarters: int = 0
    is_mirrored: bool = False
    is_smooth: bool = True
    is_playing: bool = False
    extent_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    zoom: float = 1.0
    centre_mm: tuple[float, float] = (0.0, 0.0)
    cursor_mm: tuple[float, float] | None = None
    pointed_mm: tuple[float, float] | None = None
    pointed_ray: tuple[int, int] | None = None
    layout: Layout = Layout.READ
    overlays: frozenset[Overlay] = frozenset({Overlay.MASK, Overlay.TRACE})
    are_overlays_hidden: bool = False
    comparison: Comparison = Comparison.NONE
    is_original_held: bool = False
    swipe: float = 0.5
    sinogram: SinogramPicture = SinogramPicture.ORIGINAL
    slab: Slab = Slab.NONE
    slab_mm: float = 10.0
    oblique_deg: tuple[float, float] | None = None
    has_scene: bool = False
    is_anonymous: bool = False
    maximised: str = ""
    active: str = ""

    @property
    def slice_number(self) -> int:
        """Return the number of the slice in view as shown to the user."""
        return self.numbers.number(self.slice_index)

    @property
    def fit_mm(self) -> tuple[float, float]:
        """Return the height and width of the slice area that panes show at zoom 1, before rotation."""
        return self.extent_mm[1:]

    def shows(self, overlay: Overlay) -> bool:
        """Return whether an overlay is switched on and not hidden."""
        return overlay in self.overlays and not self.are_overlays_hidden

    def differing(self, other: "Display") -> frozenset[str]:
        """Return the names of the fields in which two snapshots differ."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name))


class View:
    """Mutable display state, which emits an event at every change."""

    changed = Signal(Display, frozenset)

    def __init__(self) -> None:
        self.display = Display()

    def update(self, **changes: Any) -> None:
        """Replace fields; emit `changed(display, names)` if any value differs."""
        old = self.display
        self.display = replace(old, **changes)
        if names := self.display.differing(old):
            self.changed.emit(self.display, names)

    def scroll(self, slices: int) -> None:
        """Scroll by a number of slices, but not beyond the first or last slice."""
        self.go_to_number(self.display.slice_number + slices)

    def go_to_number(self, number: int) -> None:
        """Show the slice with this number, or the nearest slice if the number is out of range."""
        numbers = self.display.numbers
        if numbers.count:
            self.go_to(numbers.index(max(1, min(numbers.count, number))))

    def go_to(self, slice_index: int) -> None:
        """Show the slice at this index, or the nearest slice if the index is out of range."""
        self.update(slice_index=max(0, min(self.display.slice_count - 1, slice_index)))

    def adjust_window(self, wider_hu: float, darker_hu: float) -> None:
        """Widen the HU window by `wider_hu`, and raise its level by `darker_hu`; negative values do the opposite."""
        if adjusted := _adjusted(self.display.window, wider_hu, darker_hu):
            self.update(window=adjusted)

    def adjust_difference(self, wider_hu: float, darker_hu: float) -> None:
        """Adjust the HU window of difference images in the same way as `adjust_window`."""
        if adjusted := _adjusted(self.display.difference_window, wider_hu, darker_hu):
            self.update(difference_window=adjusted)

    def zoom_at(self, factor: float, at_mm: tuple[float, float]) -> None:
        """Zoom around the point `at_mm`."""
        low, high = ZOOM_RANGE
        zoom = min(high, max(low, self.display.zoom * factor))
        if not all(map(math.isfinite, at_mm)):
            return  # the pane has no area yet
        kept = self.display.zoom / zoom
        x, y = self.display.centre_mm
        self.update(zoom=zoom, centre_mm=(at_mm[0] + (x - at_mm[0]) * kept, at_mm[1] + (y - at_mm[1]) * kept))

    def pan(self, right_mm: float, down_mm: float) -> None:
        """Move the image to the right and down by the given distances in mm."""
        x, y = self.display.centre_mm
        self.update(centre_mm=(x - right_mm, y - down_mm))

    def reset(self) -> None:
        """Fit the body into the panes, reset the orientation and remove the crosshair."""
        self.update(zoom=1.0, centre_mm=(0.0, 0.0), cursor_mm=None, quarters=0, is_mirrored=False)

    def turn(self, quarters: int) -> None:
        """Rotate the slice clockwise by a number of quarter turns."""
        self.update(quarters=(self.display.quarters + quarters) % 4)

    def mirror(self, *, is_vertical: bool = False) -> None:
        """Mirror the slice as displayed, left to right or top to bottom."""
        display = self.display
        turned = -display.quarters + (2 if is_vertical else 0)  # mirroring reverses the sense of rotation
        self.update(is_mirrored=not display.is_mirrored, quarters=turned % 4)

    def toggle_overlay(self, overlay: Overlay) -> None:
        """Switch an overlay on or off. If all overlays are hidden, show them again."""
        display = self.display
        is_shown = display.shows(overlay)
        overlays = display.overlays - {overlay} if is_shown else display.overlays | {overlay}
        self.update(overlays=overlays, are_overlays_hidden=False)

    def move_divider(self, share: float) -> None:
        """Move the swipe divider to a fraction of the pane's width, limited to the range from 0 to 1."""
        self.update(swipe=min(1.0, max(0.0, share)))

    def compare(self, comparison: Comparison) -> None:
        """Switch a comparison mode on or off."""
        is_on = self.display.comparison == comparison
        self.update(comparison=Comparison.NONE if is_on else comparison)


def _adjusted(window: HuWindow, wider_hu: float, darker_hu: float) -> HuWindow | None:
    """Return the HU window with changed width and level; None if it is not valid."""
    width, level = max(1.0, window.width_hu + wider_hu), window.level_hu + darker_hu
    return HuWindow(width, level) if is_usable_window(width, level) else None
