"""Faults of a method that its files show are found without importing its code."""

from pathlib import Path

import pytest

from marview.mar.faults import missing_weights, wrong_entry
from marview.mar.manifest import Manifest, Weights

ENTRY = {"id": "own", "title": "Own", "version": "1", "api": 1, "entry": "method:Method"}


def _fault(folder: Path, code: str, **more: str) -> str:
    (folder / "method.py").write_text(code, encoding="utf-8")
    return wrong_entry(folder, Manifest(**(ENTRY | more)))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def run(:\n", "method.py is not valid Python: line 1, "),
        ("x = 1\n\n  y = 2\n", "method.py is not valid Python: line 3, unexpected indent."),
        ("\0", "method.py is not valid Python: "),
        ("class Other: pass\n", "entry names the class Method, but "),
        ("# Method\nclass Other: 'Method'\n", "method.py has no such class."),
    ],
)
def test_code_that_cannot_define_the_class_is_named(tmp_path: Path, code: str, says: str) -> None:
    assert says in _fault(tmp_path, code)
    assert str(tmp_path) in _fault(tmp_path, code)


@pytest.mark.parametrize(
    "code",
    [
        "class Method: pass",
        "if True:\n    class Method: pass",
        "from .other import Method",
        "from .other import Other as Method",
        "from .other import *",
        "Method = type('Method', (), {})",
        "def __getattr__(name): ...",
        "class Method:\n    pattern = '\\d'  # a warning of Python",
        "raise AssertionError\nclass Method: pass",
    ],
)
def test_code_that_may_define_the_class_is_accepted(tmp_path: Path, code: str) -> None:
    assert _fault(tmp_path, code) == ""


def test_a_missing_module_is_named_but_not_a_package_or_compiled_code(tmp_path: Path) -> None:
    manifest = Manifest(**ENTRY)
    assert f"entry names method.py, which is not in {tmp_path}." in wrong_entry(tmp_path, manifest)
    (tmp_path / "method.cpython-312.so").touch()
    assert wrong_entry(tmp_path, manifest) == ""
    (tmp_path / "method.cpython-312.so").unlink()
    (tmp_path / "method").mkdir()
    assert wrong_entry(tmp_path, manifest) == ""


def test_code_for_another_interpreter_is_not_read(tmp_path: Path) -> None:
    assert _fault(tmp_path, "syntax of another Python", python="~/python") == ""


def test_a_change_of_the_code_is_seen(tmp_path: Path) -> None:
    assert _fault(tmp_path, "class Method") != ""
    assert _fault(tmp_path, "class Method: pass") == ""


def test_the_first_missing_weights_file_is_named(tmp_path: Path) -> None:
    facts = {"sha256": "0" * 64, "trained_on": "slices", "licence": "MIT"}
    weights = tuple(Weights(file=f"{name}.safetensors", **facts) for name in "ab")
    manifest = Manifest(**ENTRY).model_copy(update={"weights": weights})
    (tmp_path / "a.safetensors").touch()
    assert f"its weights {tmp_path / 'b.safetensors'} are missing" in missing_weights(tmp_path, manifest)
    (tmp_path / "b.safetensors").touch()
    assert missing_weights(tmp_path, manifest) == ""
