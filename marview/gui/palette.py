"""Colours of the window by purpose; the overlays stay distinct for colour-blind users."""

from PySide6.QtGui import QColor

COLOURS = {
    "base": "#12161b",
    "panel": "#191e24",
    "raised": "#232a32",
    "hover": "#2c353f",
    "pressed": "#1f4c6b",
    "border": "#2b333c",
    "outline": "#3c4753",
    "text": "#e8ecf0",
    "muted": "#9ba7b3",
    "faint": "#677482",
    "accent": "#3d9fd8",
    "accent_hover": "#54b1e8",
    "accent_text": "#06141d",
    "focus": "#7cc8f2",
    "selection": "#1d3a4f",
    "success": "#4fbf93",
    "warning": "#f0c04a",
    "error": "#f2836b",
    "metal": "#f0a63a",
    "trace": "#56b4e9",
    "pointer": "#ff8552",
    "changed": "#cc79a7",
    "consistency": "#e8e04a",
}


def colour(name: str, alpha: int = 255) -> QColor:
    """Return a colour of the palette."""
    found = QColor(COLOURS[name])
    found.setAlpha(alpha)
    return found
