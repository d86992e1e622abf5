"""Compare corrected volumes with the ground truth, in one table."""

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
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
from marview.text import count

_SAME_PLACE = 0.1
"""Largest distance at which two voxels are at the same position, in voxels; files round positions."""


@dataclass(frozen=True)
class Comparison:
    """Measures of corrected volumes against the ground truth.

    Attributes:
        names: names of the corrected volumes.
        measured: measures of each volume, slice by slice.
        slices: slice numbers of the measured slices, as shown in the window.
        protocol: protocol whose published rows appear below the table; empty for none.
        notes: notes about the mask, about results with a different frame of reference, and about results
            that equal the first result in some slices.
    """

    names: tuple[str, ...]
    measured: tuple[CaseMeasures, ...]
    slices: tuple[int, ...]
    protocol: str = ""
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the results as a JSON-compatible dictionary; non-finite values become None."""
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
        """Return the record as JSON text."""
        return json.dumps(self.record(), indent=1, allow_nan=False)

    def text(self) -> str:
        """Return a table with a row per measure and a column per result, followed by the published rows."""
        is_one = len(self.slices) == 1
        measured = f"Slice {self.slices[0]}" if is_one else f"Mean of {count(len(self.slices), 'slice')} (worst)"
        lines = measure_lines([(each.mean, each.worst) for each in self.measured], is_one_slice=is_one)
        table = markdown_table([measured, *self.names], lines)
        published = published_table(published_rows(self.protocol))
        return table + "\n" + (f"\n{published}\n" if published else "")


def evaluate(
    results: Sequence[Path],
    truth: Path,
    mask: Path | None = None,
    protocol: str = "",
    choose: Callable[[SliceNumbers], Collection[int]] = lambda numbers: range(numbers.count),
) -> Comparison:
    """Measure corrected volumes against the ground truth.

    Only chosen slices that contain metal are measured. Without a mask, all chosen slices are measured,
    but the measures for the ring around metal are omitted. Slices in which every result equals the
    ground truth are skipped, because their PSNR is infinite.

    Args:
        results: corrected volumes (and, for comparison, the uncorrected one), in any format that
            `open_volume` reads.
        truth: volume without artifacts.
        mask: metal mask on the voxel grid of the ground truth, in any format that `read_mask` reads.
        protocol: name of the protocol whose published rows are added; empty for none.
        choose: function that takes the slice numbering and returns the indices of the slices to measure; by
            default all.

    Raises:
        BadInput: a volume cannot be read, or the volumes differ in patient, shape or position.
        UsageError: the protocol is unknown.
    """
    if protocol:
        named_protocol(protocol)
    true = open_volume(truth)
    metal, notes = np.zeros(true.hu.shape, dtype=bool), tuple[str, ...]()
    if mask is not None:
        found = read_mask(mask, true)
        metal, notes = found.mask, tuple(found.notes)
        _refuse_other_shape(metal.shape, true, mask)
    volumes = []
    for path in results:
        volume, doubts = _read_alike(path, true)
        volumes.append(volume)
        notes = (*notes, *doubts)
    counted = metal.any(axis=(1, 2)) if mask is not None else np.ones(len(true.hu), dtype=bool)
    counted &= np.any([(each != true.hu).any(axis=(1, 2)) for each in volumes], axis=0)
    numbers = SliceNumbers(len(true.hu)) if true.series is None else true.series.volume.grid.slice_numbers
    wanted = choose(numbers)
    chosen = np.array([z for z in np.flatnonzero(counted) if z in wanted], dtype=int)
    if not len(chosen):
        raise BadInput(
            "There is no slice to compare: the chosen slices contain no metal, or the results equal the ground truth."
        )
    names = _names(results)
    notes = (*notes, *_partly_changed(names, [each[chosen] for each in volumes], numbers, chosen))
    about = None if mask is None else metal[chosen]
    measured = tuple(measure_case(each[chosen], true.hu[chosen], about) for each in volumes)
    return Comparison(tuple(names), measured, tuple(numbers.sorted(chosen)), protocol, notes)


def _partly_changed(
    names: Sequence[str], volumes: Sequence[NDArray[np.float32]], numbers: SliceNumbers, chosen: NDArray[np.int64]
) -> Iterator[str]:
    """Yield notes on results that equal the first volume in some slices, because their means are misleading."""
    for name, volume in zip(names[1:], volumes[1:], strict=True):
        differs = (volume != volumes[0]).any(axis=(1, 2))
        if 0 < differs.sum() < len(differs):
            which = numbers.words(chosen[differs].tolist())
            yield (
                f"{name} differs from {names[0]} only in {which} of {len(differs)}; use --slices to measure only these."
            )


def _read_alike(path: Path, true: AnyVolume) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Open a volume on the voxels of the ground truth, with notes; for an array, only the shape must match."""
    volume = open_volume(path)
    _refuse_other_shape(volume.hu.shape, true, path)
    if volume.series is not None and true.series is not None:
        if _differ(volume.series.patient_id, true.series.patient_id):
            raise BadInput(
                f"{path} and the ground truth belong to different patients. Compare a result with the ground truth "
                "of the same scan."
            )
        away_mm = _apart_mm(volume.series.volume.grid, true.series.volume.grid)
        if away_mm > _SAME_PLACE * min(true.series.volume.grid.spacing_mm):
            raise BadInput(
                f"{path} is up to {away_mm:.1f} mm away from the position of the ground truth. Compare a result "
                "with the ground truth of the same scan."
            )
        frames = [series.volume.grid.frame_of_reference_uid for series in (volume.series, true.series)]
        if _differ(*frames):
            return volume.hu, (
                f"{path} and the ground truth have different frames of reference. Check that both "
                "are of the same scan.",
            )
    return volume.hu, ()


def _differ(one: str, other: str) -> bool:
    """Return whether two identifiers are known and differ."""
    return bool(one and other and one != other)


def _apart_mm(grid: Grid, other: Grid) -> float:
    """Return the largest distance between corners of two grids of equal shape."""
    corners = np.array(list(itertools.product(*((0, n - 1) for n in grid.shape))))
    return float(np.linalg.norm(grid.to_patient(corners) - other.to_patient(corners), axis=1).max())


def _refuse_other_shape(shape: tuple[int, ...], true: AnyVolume, path: Path) -> None:
    if shape != true.hu.shape:
        raise BadInput(f"{path} has shape {shape}, but the ground truth has shape {true.hu.shape}. They must be equal.")


def _names(paths: Sequence[Path]) -> list[str]:
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
