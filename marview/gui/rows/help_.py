"""Actions of the Help menu."""

from marview.gui.actions import Row

ROWS: tuple[Row, ...] = (
    Row("shortcuts", "Keys and mouse", "Help", ("?",), "keyboard", bar="help", does=lambda c: c.show_sheet()),
    Row("about", "About marview", "Help", does=lambda c: c.about()),
)
