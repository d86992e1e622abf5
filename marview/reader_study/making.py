"""Create a reader study from a table of cases."""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marview.dicom import LoadedSeries
from marview.dicom.atomic import whole_folder
from marview.dicom.open import open_series
from marview.errors import BadInput
from marview.geometry import Grid
from marview.reader_study.study import IMAGES, STUDY, Contents, Pair, ReaderStudy
from marview.small_text import read_text
from marview.text import count

_SAME_PLACE = 0.1
"""Tolerance, in voxels, for comparing positions, because files round them."""

_MOST_DIGITS = 6

COLUMNS = ("case", "method", "original", "corrected", "slices")


@dataclass(frozen=True)
class Row:
    """One line of the table of cases.

    Attributes:
        line: number of the line in the file.
        case: name of the case.
        method: name of the method.
        original: path of the uncorrected series.
        corrected: path of the corrected series.
        slices: numbers of the slices to rate, as shown to the user.
    """

    line: int
    case: str
    method: str
    original: Path
    corrected: Path
    slices: tuple[int, ...]


def read_table(table: Path) -> tuple[Row, ...]:
    """Read a table of cases, a CSV file with the columns case, method, original, corrected and slices.

    Paths are relative to the folder that contains the table. `slices` contains slice numbers separated by
    spaces.

    Raises:
        BadInput: the table cannot be read or is empty, or a line is incomplete or duplicated; the message
            names the line.
    """
    try:
        lines = list(csv.reader(read_text(table).removeprefix("\ufeff").splitlines()))
    except (OSError, ValueError, csv.Error) as why:
        raise BadInput(f"{table} cannot be read as a table. Save it as CSV in UTF-8.") from why
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if lacking := [name for name in COLUMNS if name not in header]:
        raise BadInput(f"{table} lacks the column {lacking[0]}. It needs the columns {', '.join(COLUMNS)}.")
    rows = [
        _row(table, at, dict(zip(header, cells, strict=False))) for at, cells in enumerate(lines[1:], 2) if any(cells)
    ]
    if not rows:
        raise BadInput(f"{table} lists no case. Add a line for each corrected series.")
    seen = set[tuple[str, str]]()
    for row in rows:
        if (row.case, row.method) in seen:
            raise BadInput(f"{table}, line {row.line}: case {row.case} already has a series of {row.method}.")
        seen.add((row.case, row.method))
    return tuple(rows)


def _row(table: Path, line: int, cells: dict[str, str]) -> Row:
    values = {name: cells.get(name, "").strip() for name in COLUMNS}
    if lacking := [name for name, value in values.items() if not value]:
        raise BadInput(f"{table}, line {line}: the cell {lacking[0]} is empty.")
    numbers = values["slices"].split()
    if not all(each.isascii() and each.isdigit() and len(each) <= _MOST_DIGITS for each in numbers):
        raise BadInput(
            f"{table}, line {line}: slices must be numbers with spaces between them, such as 40 45 50, "
            f"not '{values['slices']}'."
        )
    original, corrected = (
        table.parent / os.path.expanduser(values[name])  # noqa: PTH111 - Path raises for an unknown user
        for name in ("original", "corrected")
    )
    slices = tuple(dict.fromkeys(map(int, numbers)))
    return Row(line, values["case"], values["method"], original, corrected, slices)


def make_study(table: Path, folder: Path, seed: int = 0, tell: Callable[[str], None] = lambda _: None) -> ReaderStudy:
    """Create a reader study from a table of cases, in a new folder.

    The folder contains the pixels of the slices but no other data from their files, so it can be given to
    readers.

    Args:
        table: table of cases, as for `read_table`.
        folder: folder that does not exist or is empty.
        seed: random seed for the order of the pairs.
        tell: function called with a message about each series.

    Raises:
        BadInput: a series cannot be read, lacks a listed slice, or does not match its original.
        UsageError: the folder is not empty.
        CannotWrite: the disk is full or read-only.
    """
    rows = read_table(table)
    wanted = [(row, number) for row in rows for number in row.slices]
    ids = np.random.default_rng(seed).permutation(len(wanted)) + 1
    id_of = {(row.line, number): f"{at:04}" for (row, number), at in zip(wanted, ids, strict=True)}
    pairs: list[Pair] = []
    with whole_folder(folder) as part:
        (part / IMAGES).mkdir()
        for row in rows:
            where = f"{table}, line {row.line}"
            original, corrected = (_read(path, where) for path in (row.original, row.corrected))
            tell(f"Case {row.case}: {count(len(row.slices), 'slice')} of {row.method}.")
            for number in row.slices:
                at, there = _indices(original, corrected, number, where)
                name, (before, after) = id_of[row.line, number], (original.volume.hu[at], corrected.volume.hu[there])
                np.savez_compressed(part / IMAGES / f"{name}.npz", original=before, corrected=after)
                _, y_mm, x_mm = original.volume.grid.spacing_mm
                pairs.append(
                    Pair(id=name, case=row.case, method=row.method, slice_number=number, pixel_mm=(y_mm, x_mm))
                )
        contents = Contents(seed=seed, pairs=tuple(sorted(pairs, key=lambda pair: pair.id)))
        (part / STUDY).write_text(contents.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return ReaderStudy.open(folder)


def _read(path: Path, where: str) -> LoadedSeries:
    series = open_series(path)
    if not series.report.is_volume:
        raise BadInput(f"{where}: {path} can only be viewed: {series.report.reason}")
    return series


def _indices(original: LoadedSeries, corrected: LoadedSeries, number: int, where: str) -> tuple[int, int]:
    """Return the index of a slice in the original, and of the slice at the same position in the corrected series."""
    numbers = original.volume.grid.slice_numbers
    if not 1 <= number <= numbers.count:
        raise BadInput(f"{where}: there is no slice {number}; the series has slices 1 to {numbers.count}.")
    at = numbers.index(number)
    there = _same_place(original.volume.grid, at, corrected.volume.grid)
    if there is None:
        raise BadInput(
            f"{where}: the corrected series has no slice with the position and size of slice {number} of the original."
        )
    if at in original.gaps or there in corrected.gaps:
        raise BadInput(f"{where}: slice {number} is missing or unreadable.")
    return at, there


def _same_place(grid: Grid, at: int, other: Grid) -> int | None:
    """Return the index of the slice of another grid that has the same corners as slice `at`; None if there is none."""
    corners = np.array([(at, y, x) for y in (0, grid.shape[1] - 1) for x in (0, grid.shape[2] - 1)], float)
    found = other.to_index(grid.to_patient(corners))
    there = round(found[0, 0])
    corners[:, 0] = there
    is_same = grid.shape[1:] == other.shape[1:] and np.abs(found - corners).max() < _SAME_PLACE
    return there if is_same and 0 <= there < other.shape[0] else None
