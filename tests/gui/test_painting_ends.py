"""An error while a widget is painted leaves no painter active."""

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import QPixmap

import marview.gui
from marview.gui.painting import painting


def test_an_error_ends_the_painter(qapp) -> None:
    picture = QPixmap(8, 8)
    kept = []

    def paint() -> None:
        with painting(picture) as painter:
            kept.append(painter)  # like a traceback
            raise KeyError

    with pytest.raises(KeyError):
        paint()
    assert not kept[0].isActive()
    assert not picture.paintingActive()


def test_every_paint_event_paints_this_way() -> None:
    for path in Path(marview.gui.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "paintEvent":
                assert "QPainter(self)" not in ast.unparse(node), path.name
