"""Packaging of the frozen program, tried on a fake one."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALLER = ROOT / "installer"


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    folder = tmp_path / "marview"
    (folder / "_internal").mkdir(parents=True)
    (folder / "marview").write_text("#!/bin/sh\necho frozen\n")
    (folder / "marview").chmod(0o755)
    (folder / "_internal" / "libneeds.so.1").write_bytes(b"\0GLIBC_2.4\0GLIBC_2.17\0")
    return folder


def _pack(frozen: Path, output: Path) -> subprocess.CompletedProcess[str]:
    output.mkdir()
    words = ["sh", str(INSTALLER / "debian" / "build.sh"), str(frozen), str(output)]
    return subprocess.run(words, capture_output=True, text=True)


needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is of Debian and Ubuntu")


@needs_dpkg
def test_the_package_installs_program_desktop_entry_icon_and_types(frozen: Path, tmp_path: Path) -> None:
    done = _pack(frozen, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    (package,) = (tmp_path / "out").glob("marview_*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path / "root")], check=True)
    usr = tmp_path / "root" / "usr"
    assert subprocess.check_output([str(usr / "bin" / "marview")], text=True) == "frozen\n"
    entry = (usr / "share/applications/marview.desktop").read_text()
    assert "application/dicom" in entry
    assert "application/x-nifti" in entry
    types = (usr / "share/mime/packages/marview.xml").read_text()
    assert "application/dicom" in types
    assert "application/x-nifti" in types
    assert (usr / "share/icons/hicolor/scalable/apps/marview.svg").is_file()
    assert "MIT" in (usr / "share/doc/marview/copyright").read_text()


@needs_dpkg
def test_the_package_asks_for_the_system_libraries_of_the_checkout(frozen: Path, tmp_path: Path) -> None:
    assert _pack(frozen, tmp_path / "out").returncode == 0
    (package,) = (tmp_path / "out").glob("marview_*.deb")
    control = subprocess.check_output(["dpkg-deb", "--field", str(package)], text=True)
    asked = set(re.findall(r"[a-z0-9.+-]+", control))
    listed = re.findall(r'^(?:offscreen|window)="(.*)"$', (INSTALLER / "system_libraries.sh").read_text(), re.MULTILINE)
    assert set(" ".join(listed).split()) <= asked
    assert "libc6 (>= 2.17)" in control


@needs_dpkg
def test_a_program_too_new_for_ubuntu_22_is_refused(frozen: Path, tmp_path: Path) -> None:
    (frozen / "_internal" / "libnew.so.1").write_bytes(b"\0GLIBC_2.38\0")
    done = _pack(frozen, tmp_path / "out")
    assert done.returncode == 1
    assert "2.38" in done.stderr
    assert not [*(tmp_path / "out").iterdir()]


@pytest.mark.skipif(shutil.which("makensis") is None, reason="makensis is of Debian's package nsis")
def test_the_windows_script_compiles(frozen: Path, tmp_path: Path) -> None:
    words = ["makensis", "-V2", "-DVERSION=1.2.3", f"-DFROZEN={frozen}", f"-DOUTPUT={tmp_path}/made.exe"]
    done = subprocess.run([*words, str(INSTALLER / "windows" / "marview.nsi")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "made.exe").stat().st_size > 50_000


def test_the_bill_names_what_the_program_needs_and_no_developer_tool(frozen: Path) -> None:
    pytest.importorskip("PyInstaller", reason="the bill is written where the program is frozen: make frozen")
    subprocess.run([sys.executable, str(INSTALLER / "notices.py"), str(frozen)], check=True)
    names = {each["name"] for each in json.loads((frozen / "sbom.cdx.json").read_text())["components"]}
    assert {"numpy", "torch", "pydicom"} <= names
    assert not {"pytest", "mypy", "ruff"} & names


def test_the_conda_recipe_asks_for_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = (INSTALLER / "conda" / "recipe.yaml").read_text()
    elsewhere = {"torch": "pytorch", "PySide6-Essentials": "pyside6", "shiboken6": "pyside6"}
    for line in (*project["dependencies"], *project["optional-dependencies"]["window"]):
        name, bounds = re.fullmatch(r"([\w-]+)(.*)", line).groups()
        assert f"- {elsewhere.get(name, name)} {bounds}\n" in recipe
    assert f'version: "{project["version"]}"' in recipe
