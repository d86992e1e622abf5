"""Text has enough contrast in the dark and the light style, and images stay on black."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QImage, QPalette
from PySide6.QtWidgets import QCheckBox, QDialog, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from marview.gui.icons import icon
from marview.gui.palette import DARK, LIGHT, STYLES, colour, on_image
from marview.gui.style import dress, sheet_applied_last, style_sheet
from marview.session.display import Layout

GROUNDS = ("base", "panel", "raised", "hover", "selection")
PAIRS = (
    *(("text", ground) for ground in (*GROUNDS, "pressed", "success_ground", "warning_ground", "error_ground")),
    *(("muted", ground) for ground in ("base", "panel", "raised")),
    *(("focus", ground) for ground in ("base", "panel", "hover", "selection")),
    *((tone, "base") for tone in ("trace", "metal", "changed", "success", "warning")),
    *((f"method_{number}", "base") for number in range(1, 7)),
    *((tone, "panel") for tone in ("warning", "error", "metal", "accent_hover", "success")),
    *(("accent_text", ground) for ground in ("accent", "accent_hover")),
    ("warning", "warning_ground"),
    ("error", "error_ground"),
)
"""What is written on what."""


def luminance(value: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    tone = QColor(value)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in tone.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_text_has_a_contrast_of_at_least_4_5(colours: dict[str, str]) -> None:
    weak = {f"{tone} on {ground}": contrast(colours[tone], colours[ground]) for tone, ground in PAIRS}
    assert {pair: round(value, 2) for pair, value in weak.items() if value < 4.5} == {}


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_disabled_text_and_fields_can_be_seen(colours: dict[str, str]) -> None:
    assert contrast(colours["faint"], colours["panel"]) >= 3
    assert contrast(colours["outline"], colours["base"]) >= 1.5


def test_both_styles_name_the_same_colours() -> None:
    assert set(DARK) == set(LIGHT)
    assert set(STYLES) == {"dark", "light"}


@pytest.fixture
def light(qapp):
    dress(qapp, "light")
    yield
    dress(qapp)


def test_the_light_style_dresses_the_window_and_leaves_images_on_black(
    light, make_window, qapp, qtbot, worker, small_series
) -> None:
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT["base"])
    assert "@" not in style_sheet()
    window = make_window(make_worker=lambda: worker)
    window.session.open(small_series)
    qtbot.waitUntil(lambda: window.session.metal.is_present, timeout=20000)
    for layout in (Layout.READ, Layout.MPR):
        window.commands.show_layout(layout)
        qapp.processEvents()
        view = window.grid.panes["original"].view
        seen = view.grab().toImage()
        corner = seen.pixelColor(3, 3)
        assert max(corner.red(), corner.green(), corner.blue()) < 20
    side = window.side.grab().toImage().pixelColor(2, 2)
    assert min(side.red(), side.green(), side.blue()) > 200


def test_a_sheet_applied_last_is_whole_and_stays_applied(qapp) -> None:
    def shown() -> tuple[QSize, QFont, bytes]:
        page.show()
        qapp.processEvents()
        picture = page.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        return page.sizeHint(), title.font(), bytes(picture.constBits())

    def make() -> tuple[QWidget, QLabel]:
        page, title = QDialog(), QLabel("Title")
        title.setObjectName("emptyTitle")
        column = QVBoxLayout(page)
        for part in (title, QPushButton("Open"), QSpinBox(), QCheckBox("Mask")):
            column.addWidget(part)
        return page, title

    sheet = qapp.styleSheet()
    page, title = make()
    expected = shown()
    page.deleteLater()
    with sheet_applied_last():
        page, title = make()
    assert shown() == expected
    assert title.font().pointSize() == 19
    page.deleteLater()
    with pytest.raises(ZeroDivisionError), sheet_applied_last():
        raise ZeroDivisionError
    assert qapp.styleSheet() == sheet


def test_overlays_keep_their_colours_over_images_in_every_style(light) -> None:
    assert on_image("metal") == QColor(DARK["metal"])
    assert colour("metal") == QColor(LIGHT["metal"])


def test_icons_follow_the_style(light, qapp) -> None:
    def darkest(name: str) -> int:
        image = icon(name).pixmap(32).toImage()
        seen = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
        return min(one.lightness() for one in seen if one.alpha() > 200)

    assert darkest("open") < 60
    dress(qapp, "dark")
    assert darkest("open") > 180


def test_choosing_a_style_keeps_it_and_says_when_it_is_seen(window) -> None:
    assert window.actions_table["style_dark"].isChecked()
    window.actions_table["style_light"].trigger()
    assert window.session.settings.style == "light"
    assert window.actions_table["style_light"].isChecked()
    assert not window.actions_table["style_dark"].isChecked()
    assert "start it again" in window.messages.text.text()
    window.actions_table["style_light"].trigger()
    assert window.actions_table["style_light"].isChecked()
