"""Corrected volumes against their truth, in one table."""

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
from marview.metrics import CaseMeasures, measure_case
from marview.physics import protocol as named_protocol
from marview.slices.volumes import read_mask, read_volume


@dataclass(frozen=True)
class Comparison:
    """What `evaluate` found.

    Attributes:
        names: of the corrected volumes.
        measured: of each, slice by slice.
        slices: which slices of the volumes were measured.
        protocol: whose published rows stand below the table; empty for none.
    """

    names: tuple[str, ...]
    measured: tuple[CaseMeasures, ...]
    slices: tuple[int, ...]
    protocol: str = ""

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
        results: corrected volumes (and, for comparison, the uncorrected one): anything `read_volume` reads.
        truth: the volume without artifacts.
        mask: the metal.
        protocol: a named protocol, to see the published rows of its board below.

    Raises:
        BadInput: a volume cannot be read, or they differ in shape.
        UsageError: there is no such protocol.
    """
    if protocol:
        named_protocol(protocol)
    truth_hu = read_volume(truth)
    metal = np.zeros(truth_hu.shape, dtype=bool) if mask is None else _alike(read_mask(mask), truth_hu, mask)
    volumes = [_alike(read_volume(path), truth_hu, path) for path in results]
    counted = metal.any(axis=(1, 2)) if mask is not None else np.ones(len(truth_hu), dtype=bool)
    counted &= np.any([(each != truth_hu).any(axis=(1, 2)) for each in volumes], axis=0)
    chosen = np.flatnonzero(counted)
    if not len(chosen):
        raise BadInput("No slice is left to compare: the mask is empty, or the results equal the truth.")
    measured = tuple(measure_case(each[chosen], truth_hu[chosen], metal[chosen]) for each in volumes)
    return Comparison(tuple(_names(results)), measured, tuple(int(k) for k in chosen), protocol)


def _alike(array: NDArray[Any], truth_hu: NDArray[np.float32], path: Path) -> NDArray[Any]:
    if array.shape != truth_hu.shape:
        raise BadInput(f"{path} has (z, y, x) = {array.shape} and the truth {truth_hu.shape}; they must be alike.")
    return array


def _names(paths: Sequence[Path]) -> list[str]:
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
