"""An action row for selecting a tool."""

from marview.gui.actions import Row
from marview.session.tools import Tool


def tool_row(tool: Tool, title: str, key: str) -> Row:
    """Return the action row of a tool; its id is the name of the tool."""
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
