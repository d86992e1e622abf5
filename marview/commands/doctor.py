"""Say what works on this machine and what does not, and why."""

import json
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from marview import __version__
from marview.commands.window import has_display, has_window
from marview.errors import MarviewError
from marview.mar import MarWorker, discover
from marview.terminal import terminal

_PACKAGES = ("numpy", "torch", "numba", "cupy-cuda13x", "cupy-cuda12x", "pydicom", "PySide6-Essentials", "pyqtgraph")
_SYNTAXES = {
    "JPEG baseline and lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "RLE": "1.2.840.10008.1.2.5",
}
_FEWEST_FREE_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `is_well` is None where it is only told."""

    what: str
    told: str
    is_well: bool | None = None


def examine(*, as_json: bool) -> int:
    """Print what was found; returns 0 where all is well, else 1."""
    findings = [*_versions(), *_decoders(), _display(), _disk(), *_worker(), *_methods()]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console = terminal(highlight=False)
        for finding in findings:
            sign = {True: "[green]well[/green]", False: "[red]ill [/red]", None: "    "}[finding.is_well]
            console.print(f"{sign}  {finding.what}: {finding.told}")
    return int(any(finding.is_well is False for finding in findings))


def _versions() -> list[Finding]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    own = f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return [Finding("marview", own), Finding("packages", ", ".join(found))]


def _decoders() -> list[Finding]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    return [Finding(name, "decoded", get_decoder(UID(uid)).is_available) for name, uid in _SYNTAXES.items()]


def _display() -> Finding:
    if not has_window():
        return Finding("window", "not installed; pip install 'marview[window]' adds it")
    return Finding("display", "a window can be shown" if has_display() else "none; windows are drawn into pictures")


def _disk() -> Finding:
    folder = Path(tempfile.gettempdir())
    free_gb = shutil.disk_usage(folder).free / 1e9
    return Finding("disk", f"{free_gb:.1f} GB free in {folder}", free_gb >= _FEWEST_FREE_GB)


def _worker() -> list[Finding]:
    with MarWorker() as worker:
        try:
            devices = worker.devices()
        except MarviewError as error:
            return [Finding("worker", str(error), is_well=False)]
    told = ", ".join(f"{each['title']} ({each['free_mb'] / 1000:.1f} GB free)" for each in devices)
    return [Finding("worker", f"starts; computes on {told}", is_well=True)]


def _methods() -> list[Finding]:
    findings = []
    for listing in discover():
        said = listing.error or listing.untrained or listing.notice or listing.origin
        findings.append(Finding(f"method {listing.id}", said, not listing.error))
    return findings
