"""HU window presets, read from `resources/presets.toml`."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache

from marview.paths import resources
from marview.volume.window import HuWindow


@dataclass(frozen=True)
class Preset:
    """Named HU window; `key` is its number key, or None if the preset is only in the menu."""

    title: str
    window: HuWindow
    key: int | None = None


@lru_cache(maxsize=1)
def presets() -> tuple[Preset, ...]:
    """Return all presets in file order."""
    rows = tomllib.loads((resources() / "presets.toml").read_text(encoding="utf-8"))["preset"]
    return tuple(Preset(row["title"], HuWindow(row["width_hu"], row["level_hu"]), row.get("key")) for row in rows)


def preset_of_key(key: int) -> Preset | None:
    """Return the preset assigned to a number key; None if there is none."""
    return next((preset for preset in presets() if preset.key == key), None)


def title_of(window: HuWindow) -> str:
    """Return the name of the preset with exactly this window; empty if there is none."""
    return next((preset.title for preset in presets() if preset.window == window), "")
