"""What is known of a run beside its weights: its recipe and every session, kept as `run.json` in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from marview import __version__
from marview.export import write_json
from marview.learning.recipe import Recipe
from marview.mar import Listing

RECORD = "run.json"


@dataclass(frozen=True)
class Session:
    """A stretch of training on one machine.

    Attributes:
        first_step: steps done before it.
        last_step: steps done after it.
        minutes: of the whole run at its end.
        hardware: it ran on.
        data: what was learned from, in words.
    """

    first_step: int
    last_step: int
    minutes: float
    hardware: str
    data: str


def add_session(folder: Path, listing: Listing, size: str, recipe: Recipe, parameters: int, session: Session) -> None:
    """Add a session to the record of a run.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    assert listing.manifest is not None
    sessions = read_record(folder).get("sessions", [])
    record = {
        "method": listing.id,
        "title": listing.manifest.title,
        "version": listing.manifest.version,
        "size": size,
        "parameters": parameters,
        "marview": __version__,
        "torch": torch.__version__,
        "recipe": recipe.model_dump(mode="json"),
        "sessions": [*sessions, asdict(session)],
    }
    write_json(folder / RECORD, record)


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a run; empty where there is none."""
    path = folder / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
