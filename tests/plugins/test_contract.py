"""Every bundled method keeps the contract that plugins are held to."""

from pathlib import Path

import pytest

from marview.paths import bundled_plugins
from marview.testing import check_method


@pytest.mark.parametrize("folder", sorted(bundled_plugins().glob("*/")), ids=lambda folder: folder.name)
def test_a_bundled_method_keeps_the_contract(folder: Path) -> None:
    assert check_method(folder) == []
