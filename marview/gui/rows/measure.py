"""Actions for measuring."""

from marview.gui.actions import Row
from marview.gui.rows.tool import tool_row
from marview.session.tools import Tool

ROWS: tuple[Row, ...] = (
    tool_row(Tool.PROBE, "HU probe", "H"),
    tool_row(Tool.RULER, "Ruler", "D"),
    tool_row(Tool.ANGLE, "Angle", "A"),
    tool_row(Tool.PROFILE, "Profile", "P"),
    tool_row(Tool.ELLIPSE, "Ellipse", "Shift+E"),
    tool_row(Tool.RECTANGLE, "Rectangle", "Shift+R"),
    tool_row(Tool.REGION, "Freehand region", "Shift+F"),
    Row(
        "remove_measure",
        "Remove the last measurement",
        "Measure",
        ("Shift+Del",),
        needs="measures",
        does=lambda c: c.session.measures.remove(),
    ),
)
