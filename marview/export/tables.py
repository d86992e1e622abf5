"""Write tables as CSV, records as JSON, and texts as plain text."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marview.dicom.atomic import whole_file


def write_csv(path: Path | str, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as CSV; the first row determines the columns.

    Raises:
        CannotWrite: the disk is full or read-only.
        ValueError: a row has a column that the first row lacks.
    """
    path = Path(path)
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_json(path: Path | str, record: object) -> Path:
    """Write a record as JSON; numpy numbers, arrays and paths are converted, and NaN becomes null.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    return write_text(path, json.dumps(_plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path | str, text: str) -> Path:
    """Write text as UTF-8; if writing fails, the partial file is removed.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
