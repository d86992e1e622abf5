"""Plugins import only the packages meant for methods, and never another plugin."""

from pathlib import Path

import pytest

from marview.mar.manifest import MANIFEST
from marview.paths import bundled_plugins
from marview.testing import forbidden_imports

FOLDERS = sorted(manifest.parent for manifest in bundled_plugins().glob(f"*/{MANIFEST}"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_plugin_imports_open_rooms_only(folder: Path) -> None:
    assert list(forbidden_imports(folder)) == []


def test_other_imports_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "method.py").write_text(
        "import numpy\nfrom marview.worker.main import main\nfrom ..nmar import method\n"
    )
    first, second = forbidden_imports(tmp_path)
    assert "line 2, imports marview.worker.main" in first
    assert "line 3, imports from outside" in second
