"""A plugin needs only the rooms that methods are written against, and never another plugin."""

import ast
from pathlib import Path

import pytest

from marview.paths import bundled_plugins

OPEN_ROOMS = ("errors", "text", "methods", "learning", "projection", "physics", "volume", "metrics", "geometry")


def sources() -> list[Path]:
    return sorted(
        path
        for path in bundled_plugins().glob("*/*.py")
        if not path.name.startswith("test_") and path.name != "conftest.py"
    )


@pytest.mark.parametrize("source", sources(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_plugin_imports_open_rooms_only(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level < 2, f"{source} imports from another plugin in line {node.lineno}"
            names = [node.module or ""] if node.level == 0 else []
        for name in names:
            if name.split(".")[0] == "marview":
                assert name.split(".")[1] in OPEN_ROOMS, f"{source} imports {name} in line {node.lineno}"
