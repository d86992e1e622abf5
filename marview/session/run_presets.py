"""Read the presets for implant types (method, parameters, margin) from `resources/run_presets.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from marview.paths import resources


@dataclass(frozen=True)
class RunPreset:
    """Recommended settings for a type of implant.

    Attributes:
        title: type of implant.
        method: identifier of the method.
        margin_mm: margin in mm; positive grows the mask, negative shrinks it.
        why: reason for the recommendation, with the measurement that supports it.
        parameters: parameters that differ from the method's defaults.
    """

    title: str
    method: str
    margin_mm: float
    why: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def run_presets() -> tuple[RunPreset, ...]:
    """Return all presets in file order."""
    rows = tomllib.loads((resources() / "run_presets.toml").read_text(encoding="utf-8"))["preset"]
    return tuple(RunPreset(**row) for row in rows)
