"""What is remembered between sessions, as JSON in the user's configuration folder; nothing about patients."""

import contextlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

from platformdirs import user_config_path

from marview.volume.window import is_usable_window

RECENT_COUNT = 10
BODY_PARTS = ("abdomen", "chest", "head", "heart", "hip", "knee", "neck", "pelvis", "shoulder", "spine", "teeth")
"""Under these words windows are remembered; what else a file says of its body part is not kept."""

_SPELLINGS = {"thorax": "chest", "lung": "chest", "brain": "head", "skull": "head", "jaw": "teeth", "dental": "teeth"}
_log = logging.getLogger(__name__)


def settings_file() -> Path:
    """Where settings are kept."""
    return user_config_path("marview", appauthor=False) / "settings.json"


def body_part_of(text: str) -> str:
    """The word of `BODY_PARTS` a file's text names; empty where it names none.

    >>> body_part_of("TH CT CHEST WO C")
    'chest'
    """
    lower = text.lower()
    found = next((part for part in BODY_PARTS if part in lower), "")
    return found or next((part for word, part in _SPELLINGS.items() if word in lower), "")


@dataclass
class Settings:
    """What is remembered.

    Attributes:
        recent: paths opened lately, the last one first.
        windows: (width, level) in HU last used for each body part.
        method: id of the method last chosen.
        export_folder: where the last export went.
        speeds: seconds per slice of the latest runs on this machine, by method, version and device.
        watched: folders that are watched for new studies.
        window: place, panels and layout of the window, each as a text.
        file: where `save` writes; None keeps nothing.
    """

    recent: list[str] = field(default_factory=list)
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    method: str = ""
    export_folder: str = ""
    speeds: dict[str, list[float]] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    window: dict[str, str] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def load(cls, file: Path | None = None) -> "Settings":
        """Read the settings; what is missing or damaged is as on the first day."""
        file = settings_file() if file is None else file
        settings = cls(file=file)
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
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
                str(name): [float(each) for each in known] for name, known in stored.get("speeds", {}).items()
            }
            settings.watched = [str(folder) for folder in stored.get("watched", [])]
            settings.window = {str(name): str(value) for name, value in stored.get("window", {}).items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            _log.warning("the settings could not be read; they start afresh")
        return settings

    def save(self) -> None:
        """Write the settings whole or not at all; a full or read-only disk is no reason to stop."""
        if self.file is None:
            return
        stored = {name: value for name, value in asdict(self).items() if name != "file"}
        temporary = self.file.with_suffix(".new")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600)  # paths name patients
            temporary.write_text(json.dumps(stored, indent=1), encoding="utf-8")
            temporary.replace(self.file)
        except OSError:
            _log.warning("the settings could not be written")
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def opened(self, path: Path) -> None:
        """Put a path on top of the recent ones."""
        name = str(path.absolute())
        self.recent = [name, *(one for one in self.recent if one != name)][:RECENT_COUNT]
        self.save()
