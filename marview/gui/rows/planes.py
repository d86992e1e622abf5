"""Actions for the sections: slab thickness, 3D view and oblique section."""

from marview.gui.actions import Row
from marview.volume.across import Slab


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


ROWS: tuple[Row, ...] = (
    _slab(Slab.NONE, "Thin", ""),
    _slab(Slab.MIP, "Maximum (MIP)", "Shift+M"),
    _slab(Slab.MINIP, "Minimum (MinIP)", ""),
    _slab(Slab.MEAN, "Mean", ""),
    Row("thicker", "Thicker", "View/Slab", ("Shift++",), needs="planes", does=lambda c: c.thicken(1)),
    Row("thinner", "Thinner", "View/Slab", ("Shift+-",), needs="planes", does=lambda c: c.thicken(-1)),
    Row(
        "scene",
        "3D next to the planes",
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
)
