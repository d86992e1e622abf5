"""Try a frozen program as a user would: python installer/try_frozen.py dist/marview/marview [--as marview-of-checkout].

With `--as`, its corrected series must hold the same pixels as those of the other program. Needs no package.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

METHODS = ("linear_interpolation", "nmar", "deep_sinogram_completion")


def main() -> None:
    """Try every verb of a first-time user; stop at the first failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--as", dest="other", type=Path, help="a program whose pixels are the right ones")
    arguments = parser.parse_args()
    program = [str(arguments.program.resolve())]
    _weigh(arguments.program.resolve().parent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _say(program, "--version")
        _say(program, "methods")
        _say(program, "doctor")
        _say(program, "demo", "--no-window", "--output", folder / "demo")
        for method in METHODS:
            words = ("--method", method, "--slices", "20-23", "--format", "nifti", "--output")
            _say(program, "reduce", folder / "demo" / "study", *words, folder / method)
            if arguments.other:
                _say([str(arguments.other)], "reduce", folder / "demo" / "study", *words, folder / f"{method}-other")
                _same(folder / method, folder / f"{method}-other")
        studies = (folder / "demo" / "study", folder / "demo" / "truth")
        _say(program, "batch", *studies, "--method", "nmar", "--output", folder / "batch")
        lines = (folder / "batch" / "summary.jsonl").read_text(encoding="utf-8").splitlines()
        print("batch:", ", ".join(json.loads(line)["state"] for line in lines))


def _weigh(folder: Path) -> None:
    """Print the size of a folder and of its largest parts; fail if a large file is there twice."""
    sizes: Counter[str] = Counter()
    large: dict[str, Path] = {}
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        parts = path.relative_to(folder).parts
        sizes[parts[min(1, len(parts) - 1)]] += size
        if size > 20_000_000:
            with path.open("rb") as opened:
                other = large.setdefault(hashlib.file_digest(opened, "sha256").hexdigest(), path)
            if other != path:
                sys.exit(f"{other} and {path} are the same file of {size / 1e6:.0f} MB.")
    parts = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.most_common(8))
    print(f"folder {sizes.total() / 1e6:.0f} MB: {parts}")


def _say(program: list[str], *words: object) -> None:
    begun = time.monotonic()
    done = subprocess.run([*program, *map(str, words)], capture_output=True, text=True, check=False)
    verb = " ".join(str(word) for word in words if not Path(str(word)).is_absolute())
    print(f"{time.monotonic() - begun:7.1f} s  {verb}", flush=True)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")


def _same(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.glob("*.nii*"))
    if not names or any((one / name).read_bytes() != (other / name).read_bytes() for name in names):
        sys.exit(f"{one.name}: the pixels differ")
    print(f"           {one.name}: the same bytes in {', '.join(names)}")


if __name__ == "__main__":
    main()
