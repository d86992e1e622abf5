"""Corrected volumes against their truth, in one table."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.evaluation.published import published_rows
from marview.evaluation.results import nested
from marview.evaluation.tables import markdown_table, measure_lines, published_table
from marview.geometry import Grid, SliceNumbers
from marview.metrics import CaseMeasures, measure_case
from marview.physics import protocol as named_protocol
from marview.slices.volumes import AnyVolume, open_volume, read_mask

_SAME_PLACE = 0.1
"""How far apart voxels of one place may be, in voxels: files round."""


@dataclass(frozen=True)
class Comparison:
    """What `evaluate` found.

    Attributes:
        names: of the corrected volumes.
        measured: of each, slice by slice.
        slices: numbers of the slices that were measured, as the window counts.
        protocol: whose published rows stand below the table; empty for none.
        notes: what the person should know about the mask.
    """

    names: tuple[str, ...]
    measured: tuple[CaseMeasures, ...]
    slices: tuple[int, ...]
    protocol: str = ""
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain values for JSON; what has no finite value is null."""
        return {
            "protocol": self.protocol or None,
            "slices": list(self.slices),
            "results": {
                name: {
                    **nested(each.mean),
                    "worst": nested(each.worst),
                    "by_slice": [{"slice": k, **nested(m)} for k, m in zip(self.slices, each.slices, strict=True)],
                }
                for name, each in zip(self.names, self.measured, strict=True)
            },
        }

    def json(self) -> str:
        """The record as JSON text."""
        return json.dumps(self.record(), indent=1, allow_nan=False)

    def text(self) -> str:
        """One table: a line a measure, a column a result; below it the published rows of the protocol."""
        header = [f"Mean of {len(self.slices)} slices (worst)", *self.names]
        table = markdown_table(header, measure_lines([(each.mean, each.worst) for each in self.measured]))
        published = published_table(published_rows(self.protocol))
        return table + "\n" + (f"\n{published}\n" if published else "")


def evaluate(results: Sequence[Path], truth: Path, mask: Path | None = None, protocol: str = "") -> Comparison:
    """Measure corrected volumes against their truth.

    Every slice that holds metal counts; without a mask every slice, and then there is no ring. A slice in which no
    result differs from the truth is left out, for its PSNR is infinite.

    Args:
        results: corrected volumes (and, for comparison, the uncorrected one): anything `open_volume` opens.
        truth: the volume without artifacts.
        mask: the metal: anything `read_mask` reads, on the truth's voxels.
        protocol: a named protocol, to see the published rows of its board below.

    Raises:
        BadInput: a volume cannot be read, or they differ in shape or lie at different places in the patient.
        UsageError: there is no such protocol.
    """
    if protocol:
        named_protocol(protocol)
    true = open_volume(truth)
    metal, notes = np.zeros(true.hu.shape, dtype=bool), tuple[str, ...]()
    if mask is not None:
        found = read_mask(mask, true)
        metal, notes = found.mask, tuple(found.notes)
        _refuse_other_shape(metal.shape, true, mask)
    volumes = [_read_alike(path, true) for path in results]
    counted = metal.any(axis=(1, 2)) if mask is not None else np.ones(len(true.hu), dtype=bool)
    counted &= np.any([(each != true.hu).any(axis=(1, 2)) for each in volumes], axis=0)
    chosen = np.flatnonzero(counted)
    if not len(chosen):
        raise BadInput("No slice is left to compare: the mask is empty, or the results equal the truth.")
    measured = tuple(measure_case(each[chosen], true.hu[chosen], metal[chosen]) for each in volumes)
    numbers = SliceNumbers(len(true.hu)) if true.series is None else true.series.volume.grid.slice_numbers
    return Comparison(tuple(_names(results)), measured, tuple(numbers.sorted(chosen)), protocol, notes)


def _read_alike(path: Path, true: AnyVolume) -> NDArray[np.float32]:
    """A volume on the truth's voxels; an array, which has no place, only of its shape."""
    volume = open_volume(path)
    _refuse_other_shape(volume.hu.shape, true, path)
    if volume.series is not None and true.series is not None:
        away_mm = _apart_mm(volume.series.volume.grid, true.series.volume.grid)
        if away_mm > _SAME_PLACE * min(true.series.volume.grid.spacing_mm):
            raise BadInput(
                f"{path} lies elsewhere in the patient than the truth, by up to {away_mm:.1f} mm; compare a result "
                "with the truth of the same scan."
            )
    return volume.hu


def _apart_mm(grid: Grid, other: Grid) -> float:
    """How far the corners of two grids of one shape lie apart at most."""
    corners = np.array(list(itertools.product(*((0, n - 1) for n in grid.shape))))
    return float(np.linalg.norm(grid.to_patient(corners) - other.to_patient(corners), axis=1).max())


def _refuse_other_shape(shape: tuple[int, ...], true: AnyVolume, path: Path) -> None:
    if shape != true.hu.shape:
        raise BadInput(f"{path} has (z, y, x) = {shape} and the truth {true.hu.shape}; they must be alike.")


def _names(paths: Sequence[Path]) -> list[str]:
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
