"""Write what a frozen folder bundles: `sbom.cdx.json` (CycloneDX 1.5) and `NOTICES.txt` with every licence text.

Run it with the interpreter that froze the program: it reads the installed packages' own metadata.
"""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
_LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)


def main() -> None:
    """Write both files to the folder in the first argument."""
    frozen = Path(sys.argv[1])
    packages = sorted(_closure("marview", {"window", "3d"}).values(), key=lambda each: each.name.lower())
    packages.append(distribution("pyinstaller"))  # its launcher is in the program
    system = [*_system_libraries(frozen)]
    components = [*map(_component, packages), _python(), *(each for each, _ in system)]
    about = {"type": "application", "name": "marview", "version": distribution("marview").version}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": [each for each in components if each["name"] != "marview"],
    }
    (frozen / "sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    notices = [_section(f"{each.name} {each.version}", _licence_texts(each)) for each in packages]
    notices.append(
        _section(f"CPython {platform.python_version()}", _read(Path(sysconfig.get_path("stdlib"), "LICENSE.txt")))
    )
    notices += [_section(f"{each['name']} {each['version']}", text) for each, text in system]
    for text in sorted(
        (ROOT / "installer" / "licences").iterdir()
    ):  # named but not included by Qt for Python and others
        notices.append(_section(text.stem, _read(text)))
    (frozen / "NOTICES.txt").write_text("\n".join(notices), encoding="utf-8")
    print(f"{frozen}: {len(bill['components'])} parts in sbom.cdx.json and NOTICES.txt")


def _closure(name: str, extras: set[str]) -> dict[str, Distribution]:
    """Return a package and its requirements on this system."""
    found: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or not used here
        for line in found[key].requires or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
                waiting.append((needed.name, set(needed.extras)))
    return found


def _component(package: Distribution) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    component = {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version.partition('+')[0]}",
    }
    said = package.metadata.get("License-Expression") or package.metadata.get("License") or ""
    kinds = [each.rpartition(" :: ")[2] for each in package.metadata.get_all("Classifier", []) if "License ::" in each]
    licence = said.strip().splitlines()[0][:120] if said.strip() else ", ".join(kinds)
    return {**component, "licenses": [{"license": {"name": licence}}]} if licence else component


def _python() -> dict[str, Any]:
    version = platform.python_version()
    return {"type": "platform", "name": "CPython", "version": version, "licenses": [{"license": {"id": "PSF-2.0"}}]}


def _licence_texts(package: Distribution) -> str:
    """Return the licence texts of a package, or its licence metadata if there are none."""
    texts = []
    for file in package.files or []:
        if _LICENCE.search(str(file)) and ".dist-info" in str(file):
            path = Path(str(package.locate_file(file)))
            if path.is_file():
                texts.append(_read(path))
    said = package.metadata.get("License-Expression") or package.metadata.get("License")
    return "\n\n".join(texts) or f"Licence: {said or 'see the home page of the package'}"


def _read(licence: Path) -> str:
    return (
        licence.read_text(encoding="utf-8", errors="replace")
        if licence.is_file()
        else "See the home page of this part."
    )


def _section(title: str, text: str) -> str:
    return f"{'=' * 100}\n{title}\n{'=' * 100}\n{text.strip()}\n"


def _system_libraries(frozen: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Return the Debian packages whose libraries were copied into the program, with their notices."""
    if shutil.which("dpkg-query") is None:
        return
    copied = sorted((frozen / "_internal").glob("lib*.so*"))
    libraries = [path for path in copied if not path.is_symlink() and not path.name.startswith("libpython")]
    owned = _query("--search", *(f"*/{path.name}" for path in libraries)).splitlines()  # "package:amd64: /usr/lib/..."
    for package in sorted({line.partition(":")[0] for line in owned}):
        names = {Path(line).name for line in owned if line.startswith(f"{package}:")}
        version = _query("--show", "--showformat", "${Version}\n", package).split()[0]
        notice = Path("/usr/share/doc", package, "copyright")
        component = {
            "type": "library",
            "name": package,
            "version": version,
            "purl": f"pkg:deb/debian/{package}@{version}",
            "licenses": [{"license": {"name": "named in NOTICES.txt"}}],
            "properties": [
                {"name": f"sha256 of {path.name}", "value": hashlib.sha256(path.read_bytes()).hexdigest()}
                for path in libraries
                if path.name in names
            ],
        }
        yield component, _read(notice)


def _query(*words: str) -> str:
    return subprocess.run(["dpkg-query", *words], capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
