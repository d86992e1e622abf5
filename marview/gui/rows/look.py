"""Actions for choosing the language and the style of the window."""

from marview.gui.actions import Row
from marview.gui.language import LANGUAGES
from marview.gui.palette import STYLES


def _language(code: str, title: str) -> Row:
    return Row(
        f"language_{code or 'system'}",
        title,
        "View/Language",
        does=lambda c: c.set_language(code),
        is_on=lambda s: s.settings.language == code,
    )


def _style(name: str, title: str) -> Row:
    return Row(
        f"style_{name}",
        title,
        "View/Style",
        does=lambda c: c.set_style(name),
        is_on=lambda s: s.settings.style == name,
    )


ROWS: tuple[Row, ...] = (
    *(_style(name, title) for name, title in STYLES.items()),
    _language("", "System default"),
    *(_language(code, title) for code, title in LANGUAGES.items()),
)
