"""Neither marview nor its child processes run code from the current folder."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marview.children import command, environment
from marview.dicom import decoder, scan
from marview.dicom.check import check
from marview.mar import MarWorker
from marview.session.demo import COMMAND

pytestmark = pytest.mark.own_workers

TRAP = "open({!r}, 'a').write(__name__ + '\\n')\nraise ImportError('a trap was run')\n"
FEW = ("queue", "json", "numpy", "torch", "multiprocessing", "pydicom")
"""Traps that are packages; the others are single files."""


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules that write their names to the file `sprung` beside it."""
    traps = tmp_path_factory.mktemp("traps") / "cd"
    sprung = traps.with_name("sprung")
    traps.mkdir()
    code = TRAP.format(str(sprung))
    names = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions())
    for name in names | {"sitecustomize", "usercustomize", "evil"}:
        if name.isidentifier():
            (traps / f"{name}.py").write_text(code)
    for name in FEW:
        (traps / f"{name}.py").unlink()
        (traps / name).mkdir()
        (traps / name / "__init__.py").write_text(code)
    (traps / "evil-1.dist-info").mkdir()
    (traps / "evil-1.dist-info" / "METADATA").write_text("Name: evil\nVersion: 1\n")
    (traps / "evil-1.dist-info" / "entry_points.txt").write_text("[marview.methods]\nnmar = evil\n")
    (traps / ".numba_config.yaml").write_text(f"cache_dir: {traps}\ndebug_cache: 1\n")
    (traps / "matplotlibrc").write_text("backend: module://evil\n")
    return traps


@pytest.fixture
def sprung(traps: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which traps in the current folder write their names."""
    monkeypatch.chdir(traps)
    sprung = traps.with_name("sprung")
    sprung.unlink(missing_ok=True)
    return sprung


def names(sprung: Path) -> str:
    return sprung.read_text() if sprung.exists() else ""


def test_the_program_runs_no_code_of_the_current_folder(
    sprung: Path, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(sys.executable).with_name("marview")
    if not program.is_file():
        pytest.skip("marview is not installed as a program here")
    words = ["reduce", str(metal_series), "--method", "nmar", "--output", str(tmp_path / "out")]
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    done = subprocess.run([program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([program, "methods"], capture_output=True, text=True)
    assert "evil" not in listed.stdout + listed.stderr
    assert names(sprung) == ""


def test_decoders_run_no_code_of_the_current_folder(sprung: Path, metal_series: Path) -> None:
    stack = check(scan(metal_series).series[0]).stack
    assert stack is not None
    with decoder.Decoder() as child:
        assert child.decode(stack.slices[0])[0].shape == (96, 96)
    assert names(sprung) == ""


def test_workers_run_no_code_of_the_current_folder(sprung: Path) -> None:
    with MarWorker() as worker:
        assert worker.devices()
    assert names(sprung) == ""


def test_the_demo_runs_no_code_of_the_current_folder(sprung: Path, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND[:-2], "--version"], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert names(sprung) == ""


def test_processes_of_multiprocessing_run_no_code_of_the_current_folder(
    sprung: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    code = (
        "import multiprocessing, sys\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from marview.children import spare_children_the_current_folder\n"
        "spare_children_the_current_folder()\n"
        "with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:\n"
        "    print(pool.submit(abs, -1).result())\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr
    assert names(sprung) == ""


def test_numba_takes_no_settings_from_the_current_folder(sprung: Path) -> None:
    code = "import marview.projection, numba; print(numba.config.CACHE_DIR)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != str(sprung.parent / "cd")


def test_a_child_gets_its_arguments(tmp_path: Path) -> None:
    done = subprocess.run(
        command("marview.__main__", "--version"), env=environment(), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
