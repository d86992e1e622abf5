"""Benchmark results, slice by slice and summarised as in `results.json`."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marview.evaluation.notes import CountedNote
from marview.evaluation.published import published_rows
from marview.metrics import Measures, mean, size_groups, standard_deviation, worst

INPUT, CEILING, LOOP = "input", "fbp_ceiling", "loop_ceiling"
TITLES = {
    INPUT: "Input",
    CEILING: "FBP ceiling (metal-free sinogram, one FBP)",
    LOOP: "Loop ceiling (metal-free sinogram, consistency loop)",
}
METAL_FREE = (CEILING, LOOP)
"""Rows of the scan without metal: the limits of methods that end with one FBP and of methods with the loop."""


@dataclass(frozen=True)
class SliceRecord:
    """Measures of one corrected slice.

    Attributes:
        case: name of the case.
        index: slice number in the case, as in `KnownCase.numbers`.
        metal_px: number of metal pixels.
        measures: measures of the slice.
    """

    case: str
    index: int
    metal_px: int
    measures: Measures


@dataclass(frozen=True)
class Row:
    """A row of the results table.

    Attributes:
        id: a method's identifier, `input`, `fbp_ceiling` or `loop_ceiling`.
        title: name in the table.
        slices: measures of each slice.
        seconds_per_slice: median time per slice over all cases, in seconds; NaN for rows without a method.
        notes: the method's notes, each with the number of cases in which it occurs.
    """

    id: str
    title: str
    slices: tuple[SliceRecord, ...]
    seconds_per_slice: float = math.nan
    notes: tuple[CountedNote, ...] = ()

    @property
    def cases(self) -> int:
        """Number of measured cases."""
        return len({each.case for each in self.slices})

    @property
    def measures(self) -> list[Measures]:
        """Measures of each slice."""
        return [each.measures for each in self.slices]


@dataclass(frozen=True)
class Results:
    """All results of a benchmark.

    Attributes:
        protocol: name of the protocol.
        rows: rows of the table: input, methods in the given order, ceilings.
        failures: one sentence for each case that cannot be used, and for each method that fails on some
            cases.
        parameters: non-default parameter values of each method, by method identifier.
    """

    protocol: str
    rows: tuple[Row, ...]
    failures: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def row(self, row_id: str) -> Row | None:
        """Return the row with the given identifier; None if it is missing or has no slices."""
        return next((row for row in self.rows if row.id == row_id and row.slices), None)

    def share_of_ceiling(self, row: Row) -> float:
        """Return the fraction of the MSE gap between NMAR and the FBP ceiling that a row closes.

        Only slices that all three rows contain are compared. The value is 0 for NMAR and 1 for the ceiling; NaN
        if one of the rows is missing.
        """
        nmar, ceiling = self.row("nmar"), self.row(CEILING)
        if nmar is None or ceiling is None:
            return math.nan
        errors = [{(s.case, s.index): 10 ** (-s.measures.psnr_db / 10) for s in r.slices} for r in (nmar, row, ceiling)]
        common = set.intersection(*(set(each) for each in errors))
        if not common:
            return math.nan
        base, own, best = (statistics.fmean(each[key] for key in common) for each in errors)
        return (base - own) / (base - best) if base != best else math.nan

    def in_common(self) -> "Results | None":
        """Return the results for the slices that all rows share.

        The result is None if all rows already contain the same slices, or if no slice is in all rows.
        """
        rows = [row for row in self.rows if row.slices]
        keys = [{(each.case, each.index) for each in row.slices} for row in rows]
        common = set.intersection(*keys) if keys else set()
        if not common or all(each == common for each in keys):
            return None
        return replace(
            self,
            rows=tuple(
                replace(row, slices=tuple(each for each in row.slices if (each.case, each.index) in common))
                for row in rows
            ),
        )

    def record(self) -> dict[str, Any]:
        """Return the contents of `results.json`; non-finite values become None."""
        groups = self.groups()
        return {
            "protocol": self.protocol,
            "methods": {row.id: self._row_record(row, groups) for row in self.rows if row.slices},
            "cases": self._case_records(),
            "failures": list(self.failures),
            "published": [dataclasses.asdict(row) for row in published_rows(self.protocol)],
        }

    def groups(self) -> list[list[tuple[str, int]]]:
        """Return the slices of all rows, grouped by metal size from large to small, as (case, slice) pairs."""
        sizes = {(s.case, s.index): s.metal_px for row in self.rows for s in row.slices}
        keys = sorted(sizes)
        parts = size_groups([sizes[key] for key in keys], [index for _, index in keys])
        return [[keys[k] for k in group] for group in parts]

    def group_measures(self, row: Row) -> list[Measures]:
        """Return the mean measures of a row in each size group."""
        by_key = {(s.case, s.index): s.measures for s in row.slices}
        return [mean([by_key[key] for key in group if key in by_key]) for group in self.groups()]

    def _row_record(self, row: Row, groups: Sequence[Sequence[tuple[str, int]]]) -> dict[str, Any]:
        sizes = {(s.case, s.index): s.metal_px for each in self.rows for s in each.slices}
        return {
            "title": row.title,
            "parameters": dict(self.parameters.get(row.id, {})),
            **nested(mean(row.measures)),
            "standard_deviation": nested(standard_deviation(row.measures)),
            "worst": nested(worst(row.measures)),
            "share_of_ceiling": _finite(self.share_of_ceiling(row)),
            "groups": [
                {
                    "largest_metal_px": max(sizes[key] for key in group),
                    "smallest_metal_px": min(sizes[key] for key in group),
                    "slices": len(group),
                    **nested(measures),
                }
                for group, measures in zip(groups, self.group_measures(row), strict=True)
            ],
            "slices": len(row.slices),
            "seconds_per_slice": _finite(row.seconds_per_slice),
            "cases": row.cases,
            "notes": [dataclasses.asdict(each) for each in row.notes],
        }

    def _case_records(self) -> list[dict[str, Any]]:
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for row in self.rows:
            for each in row.slices:
                key = (each.case, each.index)
                entry = found.setdefault(
                    key, {"case": each.case, "slice": each.index, "metal_px": each.metal_px, "methods": {}}
                )
                entry["methods"][row.id] = nested(each.measures)
        return [found[key] for key in sorted(found)]


_PARTS = ("ring_soft_tissue_", "ring_", "soft_tissue_", "full_range_", "adn_")


def nested(measures: Measures) -> dict[str, Any]:
    """Nest measures as in `results.json`: `ring_psnr_db` becomes `["ring"]["psnr_db"]`.

    Non-finite values become None.
    """
    record: dict[str, Any] = {}
    for name, value in dataclasses.asdict(measures).items():
        part = next((part for part in _PARTS if name.startswith(part)), "")
        place = record.setdefault(part[:-1], {}) if part else record
        place[name.removeprefix(part)] = _finite(value)
    return record


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
