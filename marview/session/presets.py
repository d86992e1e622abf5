"""The HU windows people switch between, read from `resources/presets.toml`."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache

from marview.paths import resources
from marview.volume.window import HuWindow


@dataclass(frozen=True)
class Preset:
    """A named HU window; `key` is the number key that sets it, None where it is in the menu only."""

    title: str
    window: HuWindow
    key: int | None = None


@lru_cache(maxsize=1)
def presets() -> tuple[Preset, ...]:
    """Every preset, in the order of the file."""
    rows = tomllib.loads((resources() / "presets.toml").read_text(encoding="utf-8"))["preset"]
    return tuple(Preset(row["title"], HuWindow(row["width_hu"], row["level_hu"]), row.get("key")) for row in rows)


def preset_of_key(key: int) -> Preset | None:
    """The preset of a number key."""
    return next((preset for preset in presets() if preset.key == key), None)


def title_of(window: HuWindow) -> str:
    """The name of a preset with exactly this window; empty where there is none."""
    return next((preset.title for preset in presets() if preset.window == window), "")
