"""Freeze the program into `dist/marview`, in an environment of its own, with versions of the lock: `make frozen`."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "build" / "freeze"
PYINSTALLER = ("pyinstaller==6.22.3", "pyinstaller-hooks-contrib==2026.9", "packaging")


def main() -> None:
    """Install, freeze, shrink, add the notices, and start the frozen program."""
    python = _environment()
    program = [python, "-m", "PyInstaller", "--noconfirm", "--clean"]
    places = ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build" / "pyinstaller")]
    _run([*program, *places, str(ROOT / "installer" / "marview.spec")])
    frozen = ROOT / "dist" / "marview"
    _strip(frozen)
    _run([python, str(ROOT / "installer" / "notices.py"), str(frozen)])
    _run([str(frozen / "marview"), "--version"])


def _environment() -> str:
    """Make the environment and return its interpreter; uv picks PyTorch without CUDA, pip its configured build."""
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    python = str(ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    wanted = ["--constraint", str(ROOT / "requirements.lock"), f"{ROOT}[window,3d]", *PYINSTALLER]
    uv = shutil.which("uv")
    if uv:
        _run([uv, "pip", "install", "--python", python, "--torch-backend", "cpu", *wanted])
    else:
        _run([python, "-m", "pip", "install", "--quiet", *wanted])
    return python


def _strip(frozen: Path) -> None:
    """Strip debug information from libraries, 0.15 GB on Linux; signatures of other systems forbid it.

    Libraries that `auditwheel` renamed with a digest are skipped, because `strip` breaks them.
    """
    if sys.platform != "linux" or shutil.which("strip") is None:
        return
    for library in sorted(frozen.rglob("*.so*")):
        if not library.is_symlink() and not re.search(r"-[0-9a-f]{8}\.", library.name):
            _run(["strip", "--strip-unneeded", str(library)])


def _run(words: list[str]) -> None:
    done = subprocess.run(words, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
