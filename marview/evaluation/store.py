"""Store benchmark results on disk, so that an interrupted benchmark can resume."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marview.errors import UsageError
from marview.evaluation.notes import Noted, notes_as_json, notes_from_json
from marview.evaluation.results import SliceRecord
from marview.export import write_text
from marview.metrics import Measures
from marview.small_text import read_json

PLAN = "benchmark.json"


@dataclass(frozen=True)
class Part:
    """Result of one benchmark row (a method or a ceiling) for one case.

    Attributes:
        slices: measures of each slice.
        seconds: run time for all slices in seconds; 0 for rows without a method.
        notes: notes of the method; empty for results of earlier versions, which did not store notes.
    """

    slices: tuple[SliceRecord, ...]
    seconds: float = 0.0
    notes: tuple[Noted, ...] = ()


class Store:
    """Benchmark results, stored in a subfolder of the output folder."""

    def __init__(self, output: Path, plan: Mapping[str, Any]) -> None:
        """Open the store, or create a new one.

        Args:
            output: output folder of the benchmark; created if it is missing.
            plan: everything on which the results depend: protocol and cases.

        Raises:
            CannotWrite: the disk is full or read-only.
            UsageError: the folder contains results of another plan.
        """
        self._folder = output / "parts"
        self._folder.mkdir(parents=True, exist_ok=True)
        path, text = output / PLAN, json.dumps(plan, indent=1, sort_keys=True)
        if any(self._folder.iterdir()) and path.is_file() and path.read_bytes() != text.encode():
            raise UsageError(f"{output} contains a benchmark of another protocol or other cases. Use another folder.")
        write_text(path, text)

    def get(self, case: str, row: str, parameters: Mapping[str, Any]) -> Part | None:
        """Return a row's stored result for a case; None if no result is stored for these parameters."""
        path = self._path(case, row)
        if not path.is_file():
            return None
        try:
            stored = read_json(path)
            if stored["parameters"] != dict(parameters):
                return None
            slices = tuple(
                SliceRecord(case, each["index"], each["metal_px"], Measures(**each["measures"]))
                for each in stored["slices"]
            )
            return Part(slices, stored["seconds"], notes_from_json(stored.get("notes", [])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None  # damaged, so it is measured again

    def put(self, case: str, row: str, parameters: Mapping[str, Any], part: Part) -> None:
        """Store a result completely or, if the benchmark stops while writing, not at all.

        Raises:
            CannotWrite: the disk is full or read-only.
        """
        slices = [
            {"index": each.index, "metal_px": each.metal_px, "measures": dataclasses.asdict(each.measures)}
            for each in part.slices
        ]
        record = {
            "parameters": dict(parameters),
            "seconds": part.seconds,
            "notes": notes_as_json(part.notes),
            "slices": slices,
        }
        write_text(self._path(case, row), json.dumps(record))

    def _path(self, case: str, row: str) -> Path:
        return self._folder / case / f"{row}.json"
