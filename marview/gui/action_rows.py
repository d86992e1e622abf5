"""Table of actions that defines the menus, keyboard shortcuts, tool bar and shortcut sheet."""

from functools import partial
from typing import TYPE_CHECKING

from marview.gui.actions import Row
from marview.gui.rows import file, go, help_, look, measure, metal, planes, view
from marview.session.presets import presets
from marview.text import translatable
from marview.volume.window import HuWindow

if TYPE_CHECKING:
    from marview.gui.commands import Commands

ROWS: tuple[Row, ...] = (
    *file.ROWS,
    *view.ROWS,
    *planes.ROWS,
    *look.ROWS,
    *go.ROWS,
    *measure.ROWS,
    *metal.ROWS,
    *help_.ROWS,
)


def _set_window(window: HuWindow, commands: "Commands") -> None:
    commands.view.update(window=window)


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
            preset.title,
            "View/HU window",
            (str(preset.key),) if preset.key is not None else (),
            needs="series",
            does=partial(_set_window, preset.window),
            figures=f"{preset.window.width_hu:g} / {preset.window.level_hu:g}",
        )
        for at, preset in enumerate(presets())
    ),
)

MOUSE: tuple[tuple[str, str], ...] = (
    (translatable("Left drag"), translatable("Width (right: wider) and level (down: darker)")),
    (translatable("Middle drag"), translatable("Pan")),
    (translatable("Right drag"), translatable("Zoom")),
    (translatable("Right click"), translatable("Menu")),
    (translatable("Wheel"), translatable("Slices")),
    (translatable("Ctrl + wheel"), translatable("Zoom at the cursor")),
    (translatable("Shift + wheel"), translatable("Brush radius")),
    (translatable("Shift + move"), translatable("Linked crosshair")),
    (translatable("Left drag, with a tool"), translatable("Paint or measure")),
    (translatable("Left drag, at a handle"), translatable("Move an end of a measurement")),
    (translatable("Left drag, at a ring"), translatable("Turn the oblique section")),
    (translatable("Alt + left, with a tool"), translatable("Width and level")),
    (translatable("Double click, polygon"), translatable("Close the polygon")),
    (translatable("Double click"), translatable("Maximise the pane")),
    (translatable("Hover over an image"), translatable("Show the sinusoid of the point in the sinogram")),
    (translatable("Hover over a sinogram"), translatable("Show the ray in the images")),
)
