"""The table of actions, from which menus, keys, the tool bar and the shortcut sheet are made."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from marview.gui.actions import Row
from marview.session.display import Comparison, Layout, Overlay
from marview.session.presets import presets
from marview.session.tools import Tool
from marview.volume.across import Slab
from marview.volume.window import HuWindow

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
        "View",
        (key,) if key else (),
        comparison.value if bar else "",
        needs="result",
        bar=bar,
        does=lambda c: c.view.compare(comparison),
        is_on=lambda s: s.view.display.comparison is comparison,
    )


def _tool(tool: Tool, title: str, key: str) -> Row:
    return Row(
        tool.value,
        title,
        "Measure" if tool.is_measuring else "Metal/Tools",
        (key,),
        "" if tool.is_measuring else tool.value,
        needs="volume",
        does=lambda c: c.tools.take(tool),
        is_on=lambda s: s.tools.settings.tool is tool,
    )


def _slab(slab: Slab, title: str, key: str) -> Row:
    return Row(
        f"slab_{slab.value}",
        title,
        "View/Slab",
        (key,) if key else (),
        needs="planes",
        does=lambda c: c.view.update(slab=slab),
        is_on=lambda s: s.view.display.slab is slab,
    )


def _turn(name: str, title: str, key: str, turn_deg: int, tilt_deg: int) -> Row:
    return Row(name, title, "View/Oblique", (key,), needs="oblique", does=lambda c: c.turn(turn_deg, tilt_deg))


def _orient(name: str, title: str, key: str, does: "Callable[[Commands], object]") -> Row:
    return Row(name, title, "View/Orientation", (key,), needs="series", does=does)


def _set_window(window: HuWindow, commands: "Commands") -> None:
    commands.view.update(window=window)


ROWS: tuple[Row, ...] = (
    Row("open_folder", "Open folder …", "File", ("Ctrl+O",), "open", bar="open", does=lambda c: c.open_folder()),
    Row("open_file", "Open file or zip …", "File", ("Ctrl+Shift+O",), "file", does=lambda c: c.open_file()),
    Row("open_demo", "Open the demo study", "File", (), "demo", does=lambda c: c.open_demo()),
    Row(
        "import_mask",
        "Import metal mask …",
        "File",
        ("Ctrl+I",),
        "import",
        needs="volume",
        does=lambda c: c.import_mask(),
    ),
    Row(
        "export_mask",
        "Export metal mask …",
        "File",
        ("Ctrl+Shift+E",),
        "export",
        needs="metal",
        does=lambda c: c.export_mask(),
    ),
    Row("export", "Export …", "File", ("Ctrl+E",), "export", needs="result", does=lambda c: c.export()),
    Row("search_studies", "Search studies", "File", ("Ctrl+F",), does=lambda c: c.search_studies()),
    Row("watch_folder", "Watch a folder for new studies …", "File", (), does=lambda c: c.watch_folder()),
    Row("correct_several", "Correct several studies …", "File", ("Ctrl+B",), does=lambda c: c.correct_several()),
    Row("close_series", "Close the series", "File", ("Ctrl+W",), needs="series", does=lambda c: c.close_series()),
    Row("quit", "Quit", "File", ("Ctrl+Q",), does=lambda c: c.quit()),
    _layout(Layout.READ, "Read", "Ctrl+1", "layout_read"),
    _layout(Layout.MAR, "MAR", "Ctrl+2", "layout_mar"),
    _layout(Layout.SENSITIVITY, "Sensitivity", "Ctrl+3", "layout_sensitivity"),
    _layout(Layout.MPR, "Planes", "Ctrl+4", "layout_mpr"),
    _layout(Layout.SCENE, "3D", "Ctrl+5", "layout_scene"),
    Row(
        "layout_compare",
        "Compare all results",
        "View/Layout",
        ("Ctrl+6",),
        needs="result",
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
        "cine",
        "Play the slices",
        "Go",
        ("Shift+P",),
        needs="series",
        does=lambda c: c.view.update(is_playing=not c.view.display.is_playing),
        is_on=lambda s: s.view.display.is_playing,
    ),
    Row(
        "overlays",
        "Overlays",
        "View",
        ("O",),
        needs="series",
        does=lambda c: c.view.update(are_overlays_hidden=not c.view.display.are_overlays_hidden),
        is_on=lambda s: not s.view.display.are_overlays_hidden,
    ),
    _overlay(Overlay.MASK, "Metal mask", "M", needs="series"),
    _overlay(Overlay.TRACE, "Metal trace", "T", needs="series"),
    _overlay(Overlay.CHANGED, "Changed pixels", "Shift+C"),
    _overlay(Overlay.CONSISTENCY, "Consistency", "Shift+K", needs="consistency"),
    _overlay(Overlay.SPREAD, "Sensitivity map", "Shift+V", needs="sweep", bar=""),
    _comparison(Comparison.SWIPE, "Swipe original and result", "S"),
    _comparison(Comparison.DIFFERENCE, "Difference", "F"),
    _comparison(Comparison.FLICKER, "Flicker", "Shift+X", bar=""),
    _comparison(Comparison.BLEND, "Blend", "", bar=""),
    _comparison(Comparison.CHECKERBOARD, "Checkerboard", "", bar=""),
    Row(
        "copy_picture",
        "Copy the pane as a picture",
        "File",
        ("Ctrl+C",),
        needs="series",
        does=lambda c: c.saving.copy_picture(),
    ),
    Row(
        "save_picture",
        "Save the pane as a picture …",
        "File",
        ("Ctrl+S",),
        needs="series",
        does=lambda c: c.saving.save_picture(),
    ),
    Row(
        "save_report",
        "Save a report …",
        "File",
        ("Ctrl+Shift+S",),
        needs="result",
        does=lambda c: c.saving.save_report(),
    ),
    Row(
        "movie_scroll",
        "Save a movie of scrolling …",
        "File",
        needs="series",
        does=lambda c: c.saving.save_scrolling(),
    ),
    Row(
        "movie_flicker",
        "Save a movie of flicker …",
        "File",
        needs="result",
        does=lambda c: c.saving.save_flicker(),
    ),
    Row("hold_original", "Show the original while held", "", ("X",), needs="result"),
    Row(
        "maximise",
        "Maximise the pane",
        "View",
        ("Ctrl+Return",),
        "maximise",
        needs="series",
        does=lambda c: c.maximise(),
        is_on=lambda s: bool(s.view.display.maximised),
    ),
    Row("series_panel", "Series list", "View", ("F7",), does=lambda c: c.toggle_panel(0)),
    Row("float_series", "Series list in its own window", "View", ("Shift+F7",), does=lambda c: c.float_panel(0)),
    Row("float_side", "Metal, method and run in a window", "View", ("Shift+F8",), does=lambda c: c.float_panel(2)),
    Row("side_panel", "Metal, method and run", "View", ("F8",), does=lambda c: c.toggle_panel(2)),
    _slab(Slab.NONE, "Thin", ""),
    _slab(Slab.MIP, "Maximum (MIP)", "Shift+M"),
    _slab(Slab.MINIP, "Minimum (MinIP)", ""),
    _slab(Slab.MEAN, "Mean", ""),
    Row("thicker", "Thicker", "View/Slab", ("Shift++",), needs="planes", does=lambda c: c.thicken(1)),
    Row("thinner", "Thinner", "View/Slab", ("Shift+-",), needs="planes", does=lambda c: c.thicken(-1)),
    Row(
        "scene",
        "3D beside the planes",
        "View",
        ("Shift+D",),
        needs="planes",
        does=lambda c: c.view.update(has_scene=not c.view.display.has_scene, oblique_deg=None),
        is_on=lambda s: s.view.display.has_scene,
    ),
    Row(
        "oblique",
        "Oblique section",
        "View",
        ("Shift+O",),
        needs="planes",
        does=lambda c: c.toggle_oblique(),
        is_on=lambda s: s.view.display.oblique_deg is not None,
    ),
    Row(
        "turn_left",
        "Turn the oblique section left",
        "View/Oblique",
        ("Ctrl+Left",),
        needs="oblique",
        does=lambda c: c.turn(-5, 0),
    ),
    Row(
        "turn_right",
        "Turn the oblique section right",
        "View/Oblique",
        ("Ctrl+Right",),
        needs="oblique",
        does=lambda c: c.turn(5, 0),
    ),
    Row(
        "tilt_up",
        "Tilt the oblique section up",
        "View/Oblique",
        ("Ctrl+Shift+Up",),
        needs="oblique",
        does=lambda c: c.turn(0, 5),
    ),
    Row(
        "tilt_down",
        "Tilt the oblique section down",
        "View/Oblique",
        ("Ctrl+Shift+Down",),
        needs="oblique",
        does=lambda c: c.turn(0, -5),
    ),
    Row(
        "anonymous",
        "Hide the patient's name",
        "View",
        ("Ctrl+H",),
        needs="series",
        does=lambda c: c.view.update(is_anonymous=not c.view.display.is_anonymous),
        is_on=lambda s: s.view.display.is_anonymous,
    ),
    Row("next_region", "Series, panes, metal and method", "View", ("F6",), does=lambda c: c.next_region()),
    Row("next_pane", "Next pane", "", ("Tab",), needs="series"),
    Row("full_screen", "Full screen", "View", ("F11",), does=lambda c: c.full_screen()),
    Row("previous_slice", "Previous slice", "Go", ("Up",), needs="series", does=lambda c: c.view.scroll(-1)),
    Row("next_slice", "Next slice", "Go", ("Down",), needs="series", does=lambda c: c.view.scroll(1)),
    Row("back_ten", "Ten slices up", "Go", ("Shift+Up",), needs="series", does=lambda c: c.view.scroll(-10)),
    Row("on_ten", "Ten slices down", "Go", ("Shift+Down",), needs="series", does=lambda c: c.view.scroll(10)),
    Row("first_slice", "First slice", "Go", ("Home",), needs="series", does=lambda c: c.view.go_to_number(1)),
    Row(
        "last_slice",
        "Last slice",
        "Go",
        ("End",),
        needs="series",
        does=lambda c: c.view.go_to_number(c.view.display.slice_count),
    ),
    Row(
        "previous_metal", "Previous slice with metal", "Go", ("Ctrl+Up",), needs="metal", does=lambda c: c.to_metal(-1)
    ),
    Row("next_metal", "Next slice with metal", "Go", ("Ctrl+Down",), needs="metal", does=lambda c: c.to_metal(1)),
    Row(
        "previous_series",
        "Previous series",
        "Go",
        ("PgUp",),
        needs="series",
        does=lambda c: c.session.library.choose_neighbour(-1),
    ),
    Row(
        "next_series",
        "Next series",
        "Go",
        ("PgDown",),
        needs="series",
        does=lambda c: c.session.library.choose_neighbour(1),
    ),
    _tool(Tool.PROBE, "HU probe", "H"),
    _tool(Tool.RULER, "Ruler", "D"),
    _tool(Tool.ANGLE, "Angle", "A"),
    _tool(Tool.PROFILE, "Profile", "P"),
    _tool(Tool.ELLIPSE, "Ellipse", "Shift+E"),
    _tool(Tool.RECTANGLE, "Rectangle", "Shift+R"),
    _tool(Tool.REGION, "Freehand region", "Shift+F"),
    Row(
        "remove_measure",
        "Remove the last measurement",
        "Measure",
        ("Shift+Del",),
        needs="measures",
        does=lambda c: c.session.measures.remove(),
    ),
    Row(
        "find_metal",
        "Find metal",
        "Metal",
        ("Ctrl+M",),
        "adaptive",
        needs="volume",
        does=lambda c: c.session.metal.find(),
    ),
    _tool(Tool.BRUSH, "Brush", "B"),
    _tool(Tool.ERASER, "Eraser", "E"),
    _tool(Tool.FREEHAND, "Freehand outline", "L"),
    _tool(Tool.POLYGON, "Polygon", "Shift+L"),
    _tool(Tool.GROW, "Grow from a click", "G"),
    _tool(Tool.BOX, "Keep within a box", "W"),
    Row(
        "sphere",
        "Sphere instead of disc",
        "Metal/Tools",
        ("Shift+B",),
        "sphere",
        needs="volume",
        does=lambda c: c.tools.update(is_sphere=not c.tools.settings.is_sphere),
        is_on=lambda s: s.tools.settings.is_sphere,
    ),
    Row("smaller", "Smaller brush", "Metal/Tools", ("[",), needs="volume", does=lambda c: c.tools.resize(-1)),
    Row("larger", "Larger brush", "Metal/Tools", ("]",), needs="volume", does=lambda c: c.tools.resize(1)),
    Row("grow_mask", "Grow the mask", "Metal/Mask", ("Ctrl+]",), needs="metal", does=lambda c: c.edits.grow(1)),
    Row("shrink_mask", "Shrink the mask", "Metal/Mask", ("Ctrl+[",), needs="metal", does=lambda c: c.edits.grow(-1)),
    Row("fill_holes", "Fill holes", "Metal/Mask", ("Shift+H",), needs="metal", does=lambda c: c.edits.fill_holes()),
    Row("smooth_mask", "Smooth", "Metal/Mask", ("Shift+S",), needs="metal", does=lambda c: c.edits.smooth()),
    Row(
        "interpolate",
        "Interpolate between slices",
        "Metal/Mask",
        ("Shift+I",),
        needs="metal",
        does=lambda c: c.edits.interpolate(),
    ),
    Row(
        "copy_next",
        "Copy to the next slice",
        "Metal/Mask",
        ("C",),
        needs="metal",
        does=lambda c: c.edits.copy_to_next(),
    ),
    Row(
        "keep_piece",
        "Keep only the piece under the cursor",
        "Metal/Mask",
        ("K",),
        needs="metal",
        does=lambda c: c.edits.keep_piece(),
    ),
    Row(
        "drop_piece",
        "Remove the piece under the cursor",
        "Metal/Mask",
        ("Del",),
        needs="metal",
        does=lambda c: c.edits.drop_piece(),
    ),
    Row("clear_mask", "Clear the mask", "Metal/Mask", (), needs="metal", does=lambda c: c.edits.clear()),
    Row("undo", "Undo", "Metal", ("Ctrl+Z",), "undo", needs="undo", does=lambda c: c.session.undo()),
    Row("redo", "Redo", "Metal", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", needs="redo", does=lambda c: c.session.redo()),
    Row("reduce", "Reduce artifacts", "Metal", ("Ctrl+R",), "reduce", needs="mask", does=lambda c: c.session.reduce()),
    Row(
        "retry",
        "Retry the missing slices",
        "Metal",
        ("Ctrl+Shift+R",),
        "reduce",
        needs="unfinished",
        does=lambda c: c.session.retry(),
    ),
    Row(
        "cancel",
        "Cancel the run, or put the tool away",
        "Metal",
        ("Esc",),
        "cancel",
        needs="cancel",
        does=lambda c: c.session.cancel(),
    ),
    Row("shortcuts", "Keys and mouse", "Help", ("?",), "keyboard", bar="help", does=lambda c: c.show_sheet()),
    Row("about", "About marview", "Help", does=lambda c: c.about()),
)

PRESET_ROWS: tuple[Row, ...] = (
    Row(
        "preset_file",
        "From the file",
        "View/HU window",
        ("0",),
        needs="series",
        does=lambda c: c.session.set_preset(0),
    ),
    *(
        Row(
            f"preset_{at}",
            f"{preset.title}  {preset.window.width_hu:g} / {preset.window.level_hu:g}",
            "View/HU window",
            (str(preset.key),) if preset.key is not None else (),
            needs="series",
            does=partial(_set_window, preset.window),
        )
        for at, preset in enumerate(presets())
    ),
)

MOUSE: tuple[tuple[str, str], ...] = (
    ("Left drag", "Width (right: wider) and level (down: darker)"),
    ("Middle drag", "Pan"),
    ("Right drag", "Zoom"),
    ("Right click", "Menu"),
    ("Wheel", "Slices"),
    ("Ctrl + wheel", "Zoom at the cursor"),
    ("Shift + wheel", "Brush radius"),
    ("Shift + move", "Linked crosshair"),
    ("Left, with a tool", "Paint or measure"),
    ("Left drag, at a handle", "Move an end of a measurement"),
    ("Left drag, at a ring", "Turn the oblique section"),
    ("Alt + left, with a tool", "Width and level"),
    ("Double click, polygon", "Close it"),
    ("Double click", "Maximise the pane"),
    ("Hover an image", "Its sinusoid in the sinogram"),
    ("Hover a sinogram", "Its ray in the images"),
)
