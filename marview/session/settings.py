"""Store settings between sessions in a JSON file in the user's configuration folder."""

import contextlib
import json
import logging
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from platformdirs import user_config_path

from marview.paths import make_private
from marview.small_text import read_json
from marview.volume.window import is_usable_window

RECENT_COUNT = 10
BODY_PARTS = ("abdomen", "chest", "head", "heart", "hip", "knee", "neck", "pelvis", "shoulder", "spine", "teeth")
"""Body parts for which the last HU window is stored. Other text from the series is not stored."""

MOST_SPEEDS = 9
"""Number of runs per method whose speed is stored."""

_LONGEST_SECONDS = 1e6
_SPELLINGS = {"thorax": "chest", "lung": "chest", "brain": "head", "skull": "head", "jaw": "teeth", "dental": "teeth"}
_log = logging.getLogger(__name__)


def settings_file() -> Path:
    """Return the path of the user's settings file."""
    return user_config_path("marview", appauthor=False) / "settings.json"


def is_speed(seconds: float) -> bool:
    """Return whether a stored value is a plausible number of seconds per slice."""
    return math.isfinite(seconds) and 0 <= seconds <= _LONGEST_SECONDS


def body_part_of(text: str) -> str:
    """Return the body part from `BODY_PARTS` that a text mentions; empty if it mentions none.

    >>> body_part_of("TH CT CHEST WO C")
    'chest'
    """
    lower = text.lower()
    found = next((part for part in BODY_PARTS if part in lower), "")
    return found or next((part for word, part in _SPELLINGS.items() if word in lower), "")


@dataclass
class Settings:
    """Settings that persist between sessions.

    Attributes:
        recent: recently opened paths, latest first.
        windows: last used HU window (width, level) for each body part.
        method: identifier of the last chosen method.
        export_folder: folder of the last export.
        speeds: seconds per slice of the latest runs on this machine, by method, version and device.
        watched: folders watched for new studies.
        window: position, panels and layout of the window, each as text.
        language: code of the window's language; empty for the system's language.
        style: "dark" or "light".
        file: file that `save` writes; None disables saving.
    """

    recent: list[str] = field(default_factory=list)
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    method: str = ""
    export_folder: str = ""
    speeds: dict[str, list[float]] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    window: dict[str, str] = field(default_factory=dict)
    language: str = ""
    style: str = "dark"
    file: Path | None = None

    @classmethod
    def load(cls, file: Path | None = None) -> "Settings":
        """Read the settings from a file, by default the user's; use defaults for missing or damaged values."""
        file = settings_file() if file is None else file
        settings = cls(file=file)
        try:
            stored = read_json(file)
            settings.recent = [str(path) for path in stored.get("recent", [])][:RECENT_COUNT]
            windows = stored.get("windows", {})
            settings.windows = {
                part: (float(w), float(c))
                for part, (w, c) in windows.items()
                if part in BODY_PARTS and is_usable_window(float(w), float(c))
            }
            settings.method = str(stored.get("method", ""))
            settings.export_folder = str(stored.get("export_folder", ""))
            settings.speeds = {
                str(name): [each for each in map(float, known) if is_speed(each)][-MOST_SPEEDS:]
                for name, known in stored.get("speeds", {}).items()
            }
            settings.watched = [str(folder) for folder in stored.get("watched", [])]
            settings.language = str(stored.get("language", ""))
            settings.style = str(stored.get("style", "dark"))
            settings.window = {str(name): str(value) for name, value in stored.get("window", {}).items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            _log.warning("the settings could not be read; using defaults")
        return settings

    def save(self) -> None:
        """Write the settings; errors such as a full or read-only disk are only logged."""
        if self.file is None:
            return
        stored = {name: value for name, value in asdict(self).items() if name != "file"}
        temporary = self.file.with_suffix(".new")
        try:
            make_private(self.file.parent)
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600)  # paths may contain names of patients
            temporary.write_text(json.dumps(stored, indent=1), encoding="utf-8")
            temporary.replace(self.file)
        except OSError:
            _log.warning("the settings could not be written")
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def opened(self, path: Path) -> None:
        """Add a path to the top of the list of recent paths."""
        name = str(path.absolute())
        self.recent = [name, *(one for one in self.recent if one != name)][:RECENT_COUNT]
        self.save()
