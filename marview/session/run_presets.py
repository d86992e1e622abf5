"""Method, parameters and margin for kinds of implants, read from `resources/run_presets.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from marview.paths import resources


@dataclass(frozen=True)
class RunPreset:
    """What is recommended for a kind of implant.

    Attributes:
        title: the kind of implant.
        method: identifier.
        margin_mm: by how much the mask is grown (+) or shrunk (-).
        why: what was measured, one or two sentences.
        parameters: values that differ from the method's defaults.
    """

    title: str
    method: str
    margin_mm: float
    why: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def run_presets() -> tuple[RunPreset, ...]:
    """Every preset, in the order of the file."""
    rows = tomllib.loads((resources() / "run_presets.toml").read_text(encoding="utf-8"))["preset"]
    return tuple(RunPreset(**row) for row in rows)
