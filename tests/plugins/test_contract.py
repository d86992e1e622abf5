"""Every bundled method keeps the contract of plugins."""

from pathlib import Path

import pytest

from marview.mar import read_manifest
from marview.paths import bundled_plugins
from marview.testing import check_method


def trained() -> list[Path]:
    """Folders of the trained bundled methods; the others are tested with random weights elsewhere."""
    manifests = ((folder, read_manifest(folder)) for folder in sorted(bundled_plugins().glob("*/")))
    return [folder for folder, manifest in manifests if manifest.weights or not manifest.needs_weights]


@pytest.mark.parametrize("folder", trained(), ids=lambda folder: folder.name)
def test_a_bundled_method_keeps_the_contract(folder: Path) -> None:
    assert check_method(folder) == []
