"""Actions for choosing the layout and for changing the contents and appearance of the panes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from marview.gui.actions import Row
from marview.session.display import Comparison, Layout, Overlay

if TYPE_CHECKING:
    from marview.gui.commands import Commands


def _layout(layout: Layout, title: str, key: str, icon: str) -> Row:
    return Row(
        f"layout_{layout.value}",
        title,
        "View/Layout",
        (key,),
        icon,
        bar="layout",
        does=lambda c: c.show_layout(layout),
        is_on=lambda s: s.view.display.layout is layout,
    )


def _overlay(overlay: Overlay, title: str, key: str, needs: str = "result", bar: str = "overlays") -> Row:
    return Row(
        overlay.value,
        title,
        "View",
        (key,),
        overlay.value,
        needs=needs,
        bar=bar,
        does=lambda c: c.view.toggle_overlay(overlay),
        is_on=lambda s: s.view.display.shows(overlay),
    )


def _comparison(comparison: Comparison, title: str, key: str, bar: str = "comparison") -> Row:
    return Row(
        comparison.value,
        title,
        "View/Comparison",
        (key,) if key else (),
        comparison.value if bar else "",
        needs="result",
        bar=bar,
        does=lambda c: c.view.compare(comparison),
        is_on=lambda s: s.view.display.comparison is comparison,
    )


def _divider(name: str, title: str, key: str, step: float) -> Row:
    return Row(
        name,
        title,
        "View/Comparison",
        (key,),
        needs="swipe",
        does=lambda c: c.view.move_divider(c.view.display.swipe + step),
    )


def _orient(name: str, title: str, key: str, does: "Callable[[Commands], object]") -> Row:
    return Row(name, title, "View/Orientation", (key,), needs="series", does=does)


ROWS: tuple[Row, ...] = (
    _layout(Layout.READ, "Read", "Ctrl+1", "layout_read"),
    _layout(Layout.MAR, "MAR", "Ctrl+2", "layout_mar"),
    _layout(Layout.SENSITIVITY, "Sensitivity", "Ctrl+3", "layout_sensitivity"),
    _layout(Layout.MPR, "Planes", "Ctrl+4", "layout_mpr"),
    _layout(Layout.SCENE, "3D", "Ctrl+5", "layout_scene"),
    Row(
        "layout_compare",
        "Compare methods and results",
        "View/Layout",
        ("Ctrl+6",),
        "layout_compare",
        needs="comparison",
        does=lambda c: c.show_layout(Layout.COMPARE),
        is_on=lambda s: s.view.display.layout is Layout.COMPARE,
    ),
    Row(
        "reset",
        "Fit, upright",
        "View",
        ("R",),
        "reset",
        needs="series",
        does=lambda c: c.view.reset(),
        bar="view",
    ),
    Row(
        "invert",
        "Invert",
        "View",
        ("I",),
        "invert",
        needs="series",
        does=lambda c: c.view.update(is_inverted=not c.view.display.is_inverted),
        is_on=lambda s: s.view.display.is_inverted,
        bar="view",
    ),
    _orient("rotate_left", "Rotate left", "Ctrl+Shift+Left", lambda c: c.view.turn(-1)),
    _orient("rotate_right", "Rotate right", "Ctrl+Shift+Right", lambda c: c.view.turn(1)),
    _orient("mirror", "Flip horizontally", "Ctrl+Shift+H", lambda c: c.view.mirror()),
    _orient("mirror_vertical", "Flip vertically", "Ctrl+Shift+V", lambda c: c.view.mirror(is_vertical=True)),
    Row(
        "smooth_pixels",
        "Smooth pixels",
        "View",
        ("Ctrl+Shift+I",),
        needs="series",
        does=lambda c: c.view.update(is_smooth=not c.view.display.is_smooth),
        is_on=lambda s: s.view.display.is_smooth,
    ),
    Row(
        "overlays",
        "Overlays",
        "View",
        ("O",),
        needs="series",
        starts_group=True,
        does=lambda c: c.view.update(are_overlays_hidden=not c.view.display.are_overlays_hidden),
        is_on=lambda s: not s.view.display.are_overlays_hidden,
    ),
    _overlay(Overlay.MASK, "Metal mask", "M", needs="series"),
    _overlay(Overlay.TRACE, "Metal trace", "T", needs="series"),
    _overlay(Overlay.CHANGED, "Changed pixels", "Shift+C"),
    _overlay(Overlay.CONSISTENCY, "Consistency", "Shift+K", needs="consistency"),
    _overlay(Overlay.SPREAD, "Sensitivity map", "Shift+V", needs="sweep", bar=""),
    _comparison(Comparison.SWIPE, "Swipe between original and result", "S"),
    _divider("swipe_left", "Swipe line to the left", ",", -0.05),
    _divider("swipe_right", "Swipe line to the right", ".", 0.05),
    _comparison(Comparison.DIFFERENCE, "Difference", "F"),
    _comparison(Comparison.FLICKER, "Flicker", "Shift+X", bar=""),
    _comparison(Comparison.BLEND, "Blend", "", bar=""),
    _comparison(Comparison.CHECKERBOARD, "Checkerboard", "", bar=""),
    Row("hold_original", "Hold to show the original", "", ("X",), needs="result"),
    Row(
        "maximise",
        "Maximise the pane",
        "View",
        ("Ctrl+Return",),
        "maximise",
        needs="series",
        starts_group=True,
        does=lambda c: c.maximise(),
        is_on=lambda s: bool(s.view.display.maximised),
    ),
    Row("series_panel", "Series list", "View/Panels", ("F7",), does=lambda c: c.toggle_panel(0)),
    Row("float_series", "Series list in its own window", "View/Panels", ("Shift+F7",), does=lambda c: c.float_panel(0)),
    Row("side_panel", "Control panel", "View/Panels", ("F8",), does=lambda c: c.toggle_panel(2)),
    Row("float_side", "Control panel in its own window", "View/Panels", ("Shift+F8",), does=lambda c: c.float_panel(2)),
    Row(
        "anonymous",
        "Hide the patient's name",
        "View",
        ("Ctrl+H",),
        needs="series",
        does=lambda c: c.view.update(is_anonymous=not c.view.display.is_anonymous),
        is_on=lambda s: s.view.display.is_anonymous,
    ),
    Row("next_region", "Next area of the window", "View/Panels", ("F6",), does=lambda c: c.next_region()),
    Row("next_pane", "Next pane", "", ("Tab",), needs="series"),
    Row("full_screen", "Full screen", "View", ("F11",), does=lambda c: c.full_screen()),
    Row(
        "beside_truth",
        "Show simulated truth",
        "View/Other series",
        needs="truth",
        does=lambda c: c.session.beside.show_truth(),
    ),
    Row(
        "beside_back",
        "Shift back by one slice",
        "View/Other series",
        ("Ctrl+PgUp",),
        needs="beside",
        does=lambda c: c.session.beside.move(-1),
    ),
    Row(
        "beside_on",
        "Shift forward by one slice",
        "View/Other series",
        ("Ctrl+PgDown",),
        needs="beside",
        does=lambda c: c.session.beside.move(1),
    ),
    Row("beside_clear", "Remove", "View/Other series", needs="beside", does=lambda c: c.session.beside.clear()),
)
