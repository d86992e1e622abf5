"""Every bundled method keeps the contract of plugins, and each breach of it is named."""

from pathlib import Path

import pytest

from marview.commands.plugin import new_plugin
from marview.mar import read_manifest
from marview.paths import bundled_plugins
from marview.testing import check_method

BRIEF = {"deep_image_prior": {"steps": 3, "width": 2}}
"""Parameters of methods that would take minutes."""


def trained() -> list[Path]:
    """Folders of the trained bundled methods; the others are tested with random weights elsewhere."""
    manifests = ((folder, read_manifest(folder)) for folder in sorted(bundled_plugins().glob("*/")))
    return [folder for folder, manifest in manifests if manifest.weights or not manifest.needs_weights]


@pytest.mark.parametrize("folder", trained(), ids=lambda folder: folder.name)
def test_a_bundled_method_keeps_the_contract(folder: Path) -> None:
    assert check_method(folder, BRIEF.get(folder.name)) == []


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        ("case.hu.mul_(0)", "wrote to its input"),
        ("return MarResult(case.hu[:1])", "shape"),
        ("return MarResult(case.hu * float('nan'))", "not numbers"),
        ("raise ValueError('no such thing')", "raised ValueError: no such thing"),
        ("job.progress(7.0)", "progress beyond 0 to 1"),
        ("job.output('prior', 0, case.hu[0])", "shows prior"),
        ("return MarResult(case.hu + 100 * torch.rand(()))", "two runs differ"),
    ],
)
def test_a_broken_contract_is_named(tmp_path: Path, spoilt: str, sentence: str) -> None:
    new_plugin("broken", output=tmp_path)
    source = tmp_path / "broken" / "method.py"
    begin = "        assert isinstance(parameters, Parameters)\n"
    source.write_text(source.read_text().replace(begin, f"{begin}        {spoilt}\n"))
    assert any(sentence in finding for finding in check_method(tmp_path / "broken"))
