"""What is known of a run beside its weights: its recipe and every session, kept as `run.json` in its folder."""

import csv
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from marview import __version__
from marview.errors import BadInput
from marview.export import write_json
from marview.learning.bank import HELD_OUT
from marview.learning.beginning import Beginning
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
        collections: where that comes from, with licences, where an `index.csv` beside the slices says so.
    """

    first_step: int
    last_step: int
    minutes: float
    hardware: str
    data: str
    collections: tuple[str, ...] = ()


def add_session(
    folder: Path,
    listing: Listing,
    size: str,
    recipe: Recipe,
    parameters: int,
    session: Session,
    beginning: Beginning | None = None,
) -> None:
    """Add a session to the record of a run, and what weights its first one began with.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    assert listing.manifest is not None
    before = read_record(folder)
    record = {
        "method": listing.id,
        "title": listing.manifest.title,
        "version": listing.manifest.version,
        "size": size,
        "parameters": parameters,
        "marview": __version__,
        "torch": torch.__version__,
        "recipe": recipe.model_dump(mode="json"),
        "begins_with": before.get("begins_with") if beginning is None else str(beginning),
        "sessions": [*before.get("sessions", []), asdict(session)],
    }
    write_json(folder / RECORD, record)


def collections_of(data: Path) -> tuple[str, ...]:
    """Collections and licences that `index.csv` beside clean slices names; none where there is none.

    >>> collections_of(Path("/nowhere"))
    ()
    """
    index = (data if data.is_dir() else data.parent) / "index.csv"
    if not index.is_file():
        return ()
    with index.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    named = Counter(
        f"{row['collection']} ({row.get('licence') or 'licence not stated'})"
        for row in rows
        if row.get("collection") and not row.get("file", "").startswith(HELD_OUT)
    )
    return tuple(f"{name}: {count} slices" for name, count in named.most_common())


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a run; empty where there is none.

    Raises:
        BadInput: it cannot be read.
    """
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path} cannot be read as the record of a run: {error}.") from error
