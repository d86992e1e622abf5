"""Palette and style sheet of the application."""

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from marview.gui.icons import icon
from marview.gui.palette import COLOURS, colour, use_style
from marview.paths import resources


def style_sheet() -> str:
    """Return the style sheet, with each `@name` replaced by the palette colour with that name."""
    folder = resources()
    text = (folder / "style" / "marview.qss").read_text(encoding="utf-8")
    for name in sorted(COLOURS, key=len, reverse=True):
        text = text.replace(f"@{name}", COLOURS[name])
    return text.replace("@icons", (folder / "icons").as_posix())


def dress(application: QApplication, style: str = "dark") -> None:
    """Apply the palette and style sheet to the application; existing windows keep their icons."""
    use_style(style)
    icon.cache_clear()
    application.setStyle("Fusion")
    palette = QPalette()
    role = QPalette.ColorRole
    for at, name in {
        role.Window: "base",
        role.WindowText: "text",
        role.Base: "base",
        role.AlternateBase: "panel",
        role.Text: "text",
        role.Button: "raised",
        role.ButtonText: "text",
        role.ToolTipBase: "raised",
        role.ToolTipText: "text",
        role.Highlight: "accent",
        role.HighlightedText: "accent_text",
        role.PlaceholderText: "muted",
        role.Link: "accent_hover",
    }.items():
        palette.setColor(at, colour(name))
    for at in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, at, colour("faint"))
    application.setPalette(palette)
    application.setStyleSheet(style_sheet())


@contextmanager
def sheet_applied_last() -> Iterator[None]:
    """Apply the style sheet only when a window created in this context is complete.

    Otherwise, each time a widget gets a parent, Qt applies the style sheet again to that widget and all its
    children.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication) or not application.styleSheet():
        yield
        return
    sheet = application.styleSheet()
    application.setStyleSheet("")
    try:
        yield
    finally:
        application.setStyleSheet(sheet)
