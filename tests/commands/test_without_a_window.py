"""Every command works in the base installation, which lacks Qt."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

_WINDOW = ("PySide6", "pyqtgraph", "shiboken6", "vtk")
_HIDING = f"import sys\nfor name in {_WINDOW}:\n    sys.modules[name] = None\n"
"""Code that runs in every Python process with its folder in PYTHONPATH, including marview's workers."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "hiding").mkdir()
    (tmp_path / "hiding" / "sitecustomize.py").write_text(_HIDING)
    return {**os.environ, "PYTHONPATH": str(tmp_path / "hiding"), "HOME": str(tmp_path / "home")}


def _marview(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """Run the program in a child process."""
    command = [sys.executable, "-m", "marview", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)


def test_reduce_and_mask_work(environment: dict[str, str], metal_series: Path, tmp_path: Path) -> None:
    done = _marview(environment, "reduce", metal_series, "--method", "nmar", "--output", tmp_path / "corrected")
    assert done.returncode == 0, done.stderr
    assert len([*(tmp_path / "corrected").rglob("*.dcm")]) == 6
    done = _marview(environment, "mask", metal_series, "--output", tmp_path / "metal.nii.gz")
    assert done.returncode == 0, done.stderr


def test_batch_works(environment: dict[str, str], metal_series: Path, plain_series: Path, tmp_path: Path) -> None:
    words = ("batch", metal_series, plain_series, "--method", "linear_interpolation", "--output", tmp_path / "out")
    done = _marview(environment, *words)
    assert done.returncode == 0, done.stderr
    states = [json.loads(line)["state"] for line in (tmp_path / "out" / "summary.jsonl").read_text().splitlines()]
    assert sorted(states) == ["done", "skipped"]


def test_the_window_says_how_to_install_it(environment: dict[str, str], metal_series: Path) -> None:
    done = _marview(environment, metal_series)
    assert done.returncode == 2
    assert "pip install 'marview[window]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_what_is_not_installed(environment: dict[str, str]) -> None:
    done = _marview(environment, "doctor", "--json")
    told = {finding["check"]: finding["result"] for finding in json.loads(done.stdout)}
    assert "marview[window]" in told["window"]


def test_only_the_extra_asks_for_qt() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    names = " ".join(project["dependencies"])
    assert not [part for part in _WINDOW if part in names]
    assert "PySide6" in " ".join(project["optional-dependencies"]["window"])
