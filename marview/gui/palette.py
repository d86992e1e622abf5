"""Colours of the dark and light styles by purpose; colour-blind users can tell the overlays apart."""

from PySide6.QtGui import QColor

from marview.text import translatable

STYLES = {"dark": translatable("Dark"), "light": translatable("Light")}
"""The styles and their titles in the menu."""

DARK = {
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
    "success_ground": "#1b3229",
    "warning": "#f0c04a",
    "warning_ground": "#372f1c",
    "error": "#f2836b",
    "error_ground": "#3a2323",
    "metal": "#f0a63a",
    "trace": "#56b4e9",
    "pointer": "#ff8552",
    "changed": "#cc79a7",
    "consistency": "#e8e04a",
    "method_1": "#56b4e9",
    "method_2": "#e69f00",
    "method_3": "#00c08b",
    "method_4": "#cc79a7",
    "method_5": "#f0e442",
    "method_6": "#ff8552",
}

LIGHT = {
    "base": "#ffffff",
    "panel": "#f4f6f8",
    "raised": "#e9edf1",
    "hover": "#dce3e9",
    "pressed": "#bfdcf0",
    "border": "#d3dae1",
    "outline": "#aab5c0",
    "text": "#14191f",
    "muted": "#4b5763",
    "faint": "#75818d",
    "accent": "#17699f",
    "accent_hover": "#115682",
    "accent_text": "#ffffff",
    "focus": "#0d5a8d",
    "selection": "#cfe5f5",
    "success": "#176045",
    "success_ground": "#dcf1e7",
    "warning": "#704900",
    "warning_ground": "#fbeecb",
    "error": "#9a2c17",
    "error_ground": "#fbe2dc",
    "metal": "#8a5200",
    "trace": "#17699f",
    "pointer": "#b2411a",
    "changed": "#8f3a6a",
    "consistency": "#6b6500",
    "method_1": "#17699f",
    "method_2": "#9a6300",
    "method_3": "#00734f",
    "method_4": "#8f3a6a",
    "method_5": "#6b6500",
    "method_6": "#b2411a",
}

COLOURS = dict(DARK)
"""The colours of the style in use."""


def use_style(name: str) -> None:
    """Use the colours of a style; call this before the window is created."""
    COLOURS.update(LIGHT if name == "light" else DARK)


def colour(name: str, alpha: int = 255) -> QColor:
    """Return a colour of the style in use."""
    return _colour(COLOURS[name], alpha)


def on_image(name: str, alpha: int = 255) -> QColor:
    """Return a colour for drawing over images, whose background is black in every style."""
    return _colour(DARK[name], alpha)


def _colour(value: str, alpha: int) -> QColor:
    found = QColor(value)
    found.setAlpha(alpha)
    return found
