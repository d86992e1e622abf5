"""Every bundled method meets the method contract, and each breach gives a message."""

import hashlib
import importlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from marview.commands.plugin import new_plugin
from marview.mar import read_manifest
from marview.mar.manifest import MANIFEST
from marview.paths import bundled_plugins
from marview.testing import TestJob, check_method, load_method, phantom_case

BRIEF = {"deep_image_prior": {"steps": 3, "width": 2}}
"""Parameters of methods that would take minutes."""

BEGIN = "        assert isinstance(parameters, Parameters)\n"


def trained() -> list[Path]:
    """Folders of the trained bundled methods; the others are tested with random weights elsewhere."""
    manifests = ((path.parent, read_manifest(path.parent)) for path in sorted(bundled_plugins().glob(f"*/{MANIFEST}")))
    return [folder for folder, manifest in manifests if manifest.weights or not manifest.needs_weights]


@pytest.mark.parametrize("folder", trained(), ids=lambda folder: folder.name)
def test_a_bundled_method_keeps_the_contract(folder: Path) -> None:
    assert check_method(folder, BRIEF.get(folder.name)) == []


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        ("case.hu.mul_(0)", "modified its input"),
        ("return MarResult(case.hu[:1])", "shape"),
        ("return MarResult(case.hu * float('nan'))", "8192 of 8192 pixels, the first at hu[0, 0, 0]"),
        ("raise ValueError('no such thing')", "method.py, line 35: ValueError: no such thing."),
        ("raise SystemExit(3)", "method.py, line 35: SystemExit: 3."),
        ("import not_there", "method.py, line 35, imports not_there, which is not installed. Install it in the Python"),
        ("from .beside import N", "method.py, line 35, imports .beside, which is not in the folder."),
        ("job.output('result', 0, case.hu)", "line 35: ValueError: Output 'result' must be a two-dimensional"),
        ("job.progress(50)", "job.progress(50) is invalid: the fraction must be from 0 to 1."),
        ("job.learning(-1)", "job.learning(-1) is invalid: the fraction must be from 0 to 1."),
        (
            "job.output('prior', 0, case.hu[0])",
            "It shows prior, which plugin.toml does not list. "
            'Write in plugin.toml: outputs = ["prior", "artifact", "result"]',
        ),
        ("job.output('heat', 0, case.hu[0])", "job.output: 'heat' is not an output; choose from sinogram"),
        (
            "try: job.check_cancelled()\n        except Exception: raise ValueError('stopped') from None",
            "It does not let Cancelled pass: method.py, line 36: ValueError: stopped.",
        ),
    ],
)
def test_a_broken_contract_is_named(tmp_path: Path, spoilt: str, sentence: str) -> None:
    new_plugin("broken", output=tmp_path)
    source = tmp_path / "broken" / "method.py"
    source.write_text(source.read_text().replace(BEGIN, f"{BEGIN}        {spoilt}\n"))
    found = check_method(tmp_path / "broken")
    assert [sentence in finding for finding in found].count(True) == 1, found


def test_random_numbers_without_a_seed_are_named(tmp_path: Path) -> None:
    new_plugin("broken", output=tmp_path)
    source = tmp_path / "broken" / "method.py"
    adds = "        return MarResult(case.hu + 100 * torch.rand(()))\n"
    source.write_text(source.read_text().replace(BEGIN, f"{BEGIN}{adds}"))
    found = check_method(tmp_path / "broken")
    assert found
    assert all("two runs differ by up to" in finding for finding in found)


def test_a_breach_with_one_kind_of_data_names_the_kind(tmp_path: Path) -> None:
    new_plugin("broken", output=tmp_path)
    source = tmp_path / "broken" / "method.py"
    source.write_text(source.read_text().replace(BEGIN, f"{BEGIN}        assert case.measured_sinogram is None\n"))
    assert check_method(tmp_path / "broken") == ["With a measured sinogram: method.py, line 35: AssertionError."]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"a = 1\nif a\n", "method.py, line 2: expected ':'."),
        (b"a = '\xe9'\n", "method.py"),
        (b"a = 1\0\n", "method.py is not valid Python: source code string cannot contain null bytes."),
    ],
)
def test_a_file_that_is_not_python_is_named(tmp_path: Path, source: bytes, says: str) -> None:
    new_plugin("broken", output=tmp_path)
    (tmp_path / "broken" / "method.py").write_bytes(source)
    first, *others = check_method(tmp_path / "broken")
    assert first.startswith(says)
    assert "<unknown>" not in first
    assert not others or "null bytes" in says


def test_own_modules_are_imported_with_a_dot_also_where_pytest_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_plugin("own_module", output=tmp_path)
    folder = tmp_path / "own_module"
    (folder / "beside_it.py").write_text("NUMBER = 1\n")
    source = folder / "method.py"
    text = source.read_text()
    source.write_text(text.replace("import torch\n", "import torch\nfrom beside_it import NUMBER\n", 1))
    monkeypatch.syspath_prepend(folder)
    imported = importlib.import_module("beside_it")
    (finding,) = check_method(folder)
    assert "import it with a dot: from .beside_it import" in finding
    assert importlib.import_module("beside_it") is imported
    source.write_text(text.replace("import torch\n", "import torch\nfrom .beside_it import NUMBER\n", 1))
    assert check_method(folder) == []


def with_weights(parent: Path, digest: str = "") -> Path:
    """Make a method that adds a number from its weights file."""
    new_plugin("weighted", output=parent)
    folder = parent / "weighted"
    save_file({"shift": torch.tensor(1.0)}, folder / "w.safetensors")
    digest = digest or hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest()
    facts = f'[[weights]]\nfile = "w.safetensors"\nsha256 = "{digest}"\ntrained_on = "none"\nlicence = "MIT"\n'
    with (folder / "plugin.toml").open("a") as manifest:
        manifest.write(f"\n{facts}")
    source = folder / "method.py"
    adds = "        return MarResult(case.hu + job.weights('w.safetensors')['shift'])\n"
    source.write_text(source.read_text().replace(BEGIN, BEGIN + adds))
    return folder


def test_a_test_runs_a_method_with_its_weights(tmp_path: Path) -> None:
    folder = with_weights(tmp_path)
    loaded, case = load_method(folder), phantom_case(slices=1)
    for job in (TestJob(loaded), TestJob(folder=folder)):
        assert torch.equal(loaded.method.run(case, loaded.parameters({}), job).hu, case.hu + 1)
    with pytest.raises(AssertionError, match=r"TestJob\(folder=FOLDER\)"):
        loaded.method.run(case, loaded.parameters({}), TestJob())


def test_weights_trained_again_are_named_once_with_their_digest(tmp_path: Path) -> None:
    folder = with_weights(tmp_path, digest="0" * 64)
    (finding,) = check_method(folder)
    assert hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest() in finding
    assert "If you made these weights, write their sha256 into plugin.toml" in finding


def test_a_short_digest_and_a_missing_entry_name_the_table_of_the_weights(tmp_path: Path) -> None:
    folder = with_weights(tmp_path, digest="91c7")
    (finding,) = check_method(folder)
    assert "sha256 in [[weights]] table 1: '91c7' is not a SHA-256, which has 64 digits" in finding
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text().replace('licence = "MIT"\n', "").replace("91c7", "0" * 64))
    (finding,) = check_method(folder)
    assert "licence in [[weights]] table 1 is missing" in finding


def test_a_script_that_imports_marview_gets_advice_to_move(tmp_path: Path) -> None:
    new_plugin("scripted", output=tmp_path)
    (tmp_path / "scripted" / "train.py").write_text("import marview\n")
    (finding,) = check_method(tmp_path / "scripted")
    assert "If train.py is a script that no run uses, move it out of the method's folder." in finding
