"""Check this machine, the installed methods and their weights: the command `doctor`."""

import json
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs
from rich.markup import escape

from marview import __version__
from marview.commands.options import AsJson
from marview.commands.window import has_display, has_window
from marview.errors import MarviewError
from marview.log_file import log_path
from marview.mar import MarWorker, discover, discovery
from marview.mar.discovery import Listing
from marview.terminal import terminal
from marview.text import count

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
    """Result of one check.

    Attributes:
        check: name of the check.
        result: description of the finding.
        ok: whether the check passed; None for information only.
    """

    check: str
    result: str
    ok: bool | None = None


def doctor(as_json: AsJson = False) -> int:
    """Check this machine, the installed methods and their weights.

    The exit code is 1 if there is a problem.
    """
    findings = [*_versions(), *_folders(), *_decoders(), _display(), _disk(), *_worker_and_methods()]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console = terminal(highlight=False)
        for finding in findings:
            sign = {True: "[green]ok[/green]     ", False: "[red]problem[/red]", None: "       "}[finding.ok]
            console.print(f"{sign}  {escape(f'{finding.check}: {finding.result}')}", soft_wrap=True)
        problems = sum(finding.ok is False for finding in findings)
        console.print("No problems found." if not problems else f"{count(problems, 'problem')} found.")
    return int(any(finding.ok is False for finding in findings))


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

    found = []
    for name, uid in _SYNTAXES.items():
        is_available = get_decoder(UID(uid)).is_available
        found.append(Finding(name, "can be decoded" if is_available else "cannot be decoded", is_available))
    return found


def _folders() -> list[Finding]:
    data = Path(platformdirs.user_data_dir("marview", appauthor=False))
    return [
        Finding("data folder", str(data)),
        Finding("your own methods", str(discovery.user_plugins())),
        *(Finding(discovery.SEARCH_PATH, str(place)) for place in discovery.search_path() if place.is_dir()),
        *(Finding(discovery.SEARCH_PATH, sentence, ok=False) for sentence in discovery.missing_folders()),
        Finding("log", str(log_path())),
    ]


def _display() -> Finding:
    if not has_window():
        return Finding("window", "not installed; pip install 'marview[window]' adds it")
    return Finding("display", "available" if has_display() else "none; marview saves the window as an image")


def _disk() -> Finding:
    folder = Path(tempfile.gettempdir())
    free_gb = shutil.disk_usage(folder).free / 1e9
    return Finding("disk", f"{free_gb:.1f} GB free in {folder}", free_gb >= _FEWEST_FREE_GB)


def _worker_and_methods() -> list[Finding]:
    """Start the worker, then let it import each method and check the method's weights."""
    with MarWorker() as worker:
        try:
            devices = worker.devices()
        except MarviewError as error:
            return [Finding("worker", str(error), ok=False)]
        names = ", ".join(f"{each['title']} ({each['free_mb'] / 1000:.1f} GB free)" for each in devices)
        found = [Finding("worker", f"starts; computes on {names}", ok=True)]
        return found + [_method(worker, listing) for listing in sorted(discover(), key=lambda listing: listing.id)]


def _method(worker: MarWorker, listing: Listing) -> Finding:
    name = f"method {listing.id}"
    if listing.manifest is None:
        return Finding(name, listing.error, ok=False)
    if listing.untrained:
        return Finding(name, listing.untrained)
    try:
        worker.check(listing.id)
    except MarviewError as error:
        return Finding(name, str(error), ok=False)
    weights = sum((listing.folder / each.file).stat().st_size for each in listing.manifest.weights)
    said = f"{listing.manifest.version}, {listing.origin}" + (f", weights {_size(weights)}" if weights else "")
    return Finding(name, f"{said}. {listing.notice}" if listing.notice else said, ok=True)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"
