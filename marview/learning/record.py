"""The record of a training run, `run.json` in the run's folder, with the recipe and all sessions."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from marview import __version__
from marview.errors import BadInput
from marview.export import write_json
from marview.learning.bank import page_name
from marview.learning.beginning import Beginning
from marview.learning.recipe import Recipe
from marview.mar import Listing
from marview.slices.index import read_index
from marview.small_text import read_json

RECORD = "run.json"
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Session:
    """One session of a training run, started with `marview train`.

    Attributes:
        first_step: number of steps before the session.
        last_step: number of steps after the session.
        minutes: duration of the whole run at the end of the session.
        hardware: name of the hardware.
        data: description of the training data.
        collections: sources of the slices and their licences, if there is an `index.csv` in the folder of
            the slices.
        has_own_pairs: whether the method created its own pairs instead of using the scans and metal of the
            recipe.
        is_patient: whether the network was trained on scans of a single patient.
        changes: differences from the recipe of the previous session.
        has_real_metal: whether the network was trained on real scans with metal.
    """

    first_step: int
    last_step: int
    minutes: float
    hardware: str
    data: str
    collections: tuple[str, ...] = ()
    has_own_pairs: bool = False
    is_patient: bool = False
    changes: tuple[str, ...] = ()
    has_real_metal: bool = False


def add_session(
    folder: Path,
    listing: Listing,
    size: str,
    recipe: Recipe,
    parameters: int,
    session: Session,
    beginning: Beginning | None = None,
    *,
    is_new: bool = False,
) -> None:
    """Add a session to the record of a run; the first session also records the initial weights.

    Args:
        folder: folder of the run.
        listing: the method.
        size: size of the recipe.
        recipe: recipe of the training.
        parameters: number of parameters of the network.
        session: session to add.
        beginning: initial weights of the first session.
        is_new: whether the run is new; a new run replaces the record of an earlier run that has no saved
            state.

    Raises:
        BadInput: the record cannot be read.
        CannotWrite: the disk is full or read-only.
    """
    assert listing.manifest is not None
    before = {} if is_new else read_record(folder)
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


def collections_of(data: Path, names: Collection[str]) -> tuple[str, ...]:
    """List the collections and licences of training slices from the `index.csv` in their folder, if present.

    Args:
        data: a folder of TIFF stacks, or a single stack.
        names: names of the slices in the bank. An index row without a page number is included if the bank
            contains any slice of the stack that the row names.

    Raises:
        BadInput: as for `read_index`.

    >>> collections_of(Path("/nowhere"), ())
    ()
    """
    rows = read_index(data if data.is_dir() else data.parent)
    stacks = {name.rpartition("_")[0] for name in names}
    named = Counter(
        f"{row['collection']} ({row.get('licence') or 'licence not stated'})"
        for row in rows
        if row.get("collection") and _is_among(row, names, stacks)
    )
    return tuple(f"{name}: {count} {'slice' if count == 1 else 'slices'}" for name, count in named.most_common())


def _is_among(row: Mapping[str, str], names: Collection[str], stacks: Collection[str]) -> bool:
    stem, page = Path(row.get("file") or "").stem, row.get("page") or ""
    if not page.isdecimal():
        return stem in stacks
    return len(page) <= _MOST_DIGITS and page_name(stem, int(page)) in names


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a run; return an empty dictionary if there is none.

    Raises:
        BadInput: the record cannot be read.
    """
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path} cannot be read as the record of a run: {error}.") from error
