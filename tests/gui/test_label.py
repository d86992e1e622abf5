"""Texts of files are shown as plain text: HTML in a header is not rendered and loads no pictures."""

import ast
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.gui.app import make_window, wait_until
from marview.gui.label import Label, tooltip
from marview.session.settings import Settings

HOSTILE = "<h1>Pelvis</h1><img src='file:///etc/hostname'>"
GUI = Path(__file__).resolve().parents[2] / "marview" / "gui"


def test_a_label_shows_markup_letter_for_letter(qtbot) -> None:
    label, plain = Label(HOSTILE), Label("P" * len(HOSTILE))
    for one in (label, plain):
        qtbot.addWidget(one)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.sizeHint().height() == plain.sizeHint().height()


def test_a_tool_tip_shows_markup_letter_for_letter() -> None:
    for text in (HOSTILE, "a & b", "1 < 2", "two\n<b>lines</b>"):
        shown = tooltip(text)
        assert not any(tag in shown for tag in ("<b>", "<img", "<h1>"))
    assert tooltip("Pelvis 2.0") == "Pelvis 2.0"


def test_a_long_line_of_a_tool_tip_is_broken() -> None:
    words = "The padding value of IM0000.dcm also occurs inside the fan-beam image, " * 5
    shown = tooltip(f"Pelvis\n{words}")
    assert max(map(len, shown.split("\n"))) <= 90
    assert " ".join(shown.split()) == f"Pelvis {words}".strip(), "words with hyphens stay whole"


def test_no_label_or_tool_tip_of_the_window_takes_a_header_for_rich_text(qtbot, tmp_path) -> None:
    hu = np.full((3, 40, 40), 40, np.int16)
    hu[:, 10:14, 10:14] = 3000
    labels = Labels(HOSTILE[:60], "<b>ID</b>", HOSTILE, HOSTILE[:64])
    write_ct_series(hu, Grid.from_spacing(hu.shape, (2, 1, 1)), tmp_path / "study", labels, seed="hostile")
    window = make_window(Settings())
    qtbot.addWidget(window)
    window.show()
    window.session.open(tmp_path / "study")
    assert wait_until(lambda: window.session.loaded is not None)
    texts = [label for label in window.findChildren(QLabel) if "<" in label.text()]
    assert any("Pelvis" in label.text() for label in texts)
    rich = [label.text() for label in texts if label.textFormat() != Qt.TextFormat.PlainText]
    assert not rich
    tips = [widget.toolTip() for widget in window.findChildren(QWidget)]
    assert not [tip for tip in tips if "<h1>" in tip or "<img" in tip or "<b>" in tip]


def test_every_label_and_every_tool_tip_goes_through_the_module_of_labels() -> None:
    for path in GUI.rglob("*.py"):
        if path.name == "label.py":
            continue
        source = path.read_text(encoding="utf-8")
        assert "QLabel" not in source, f"{path.name} uses QLabel, which shows HTML; use Label"
        for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", "")
            if name == "setToolTip":
                text = ast.unparse(call.args[-1])
                is_ours = (
                    text.startswith(("tr(", "tooltip(", "''", "words")) or "actions" in text or "row.title" in text
                )
                assert is_ours or text.startswith("'' if"), f"{path.name}: setToolTip({text}) shows HTML; use tooltip()"
