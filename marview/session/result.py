"""What a run gives: a correction to add to the source, and what is known about it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.mar.messages import SliceDone
from marview.mar.shared import SharedArray
from marview.volume.correction import CorrectionPlanes, corrected
from marview.volume.provenance import Provenance


class Coverage(enum.StrEnum):
    """What a result holds for a slice."""

    CORRECTED = "corrected"
    WAITING = "waiting"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, eq=False)
class CorrectedHu:
    """The corrected volume, read block by block: `array[z, y, x]` of three slices gives int16 HU."""

    hu: NDArray[np.int16]
    result: "Result"

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along (z, y, x)."""
        return self.hu.shape

    def __getitem__(self, block: tuple[slice, slice, slice]) -> NDArray[np.int16]:
        values = np.array(self.hu[block])
        planes, *rest = block
        for at, z in enumerate(range(*planes.indices(len(self.hu)))):
            if z in self.result.done:
                values[at] = corrected(values[at], self.result.plane(z)[tuple(rest)])
        return values


@dataclass(eq=False)
class Result:
    """A correction and how it was made; it fills while its run goes on.

    Attributes:
        series: key of the series it corrects.
        series_title: what that series calls itself.
        is_exported: whether it was written to files.
        weights_sha256: of the weights that were read for it, with blanks between.
        correction: float32 HU, `[slice, y, x]`, added to the source; a plane for each of `slices`.
        mask: the metal it was made with, bool `[z, y, x]`.
        slices: the slices that were to be corrected.
        made: when, ISO 8601.
        done: what is known of each slice that is corrected.
        outputs: files (.npy) of intermediate pictures by name and slice.
    """

    method: str
    title: str
    version: str
    parameters: Mapping[str, Any]
    margin_mm: float
    mask_text: str
    slices: tuple[int, ...]
    correction: SharedArray
    mask: SharedArray
    series: str = ""
    series_title: str = ""
    is_exported: bool = False
    weights_sha256: str = ""
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    device: str = ""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    done: dict[int, SliceDone] = field(default_factory=dict)
    outputs: dict[tuple[str, int], Path] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every slice that was to be corrected is."""
        return len(self.done) == len(self.slices)

    @property
    def missing(self) -> tuple[int, ...]:
        """The slices that are still to be corrected."""
        return tuple(z for z in self.slices if z not in self.done)

    def coverage(self, slice_index: int) -> Coverage:
        """What there is for a slice."""
        if slice_index in self.done:
            return Coverage.CORRECTED
        return Coverage.WAITING if slice_index in self.slices else Coverage.UNCHANGED

    def correction_of(self, slice_index: int) -> NDArray[np.float32]:
        """What is added to a slice, float32 HU `[y, x]`; 0 where it is not corrected."""
        if self.coverage(slice_index) is not Coverage.CORRECTED:
            return np.zeros(self.correction.array.shape[1:], np.float32)
        return self.plane(slice_index)

    def plane(self, slice_index: int) -> NDArray[np.float32]:
        """Where the correction of one of `slices` lies, float32 HU `[y, x]`."""
        return np.asarray(self.correction.array[self.slices.index(slice_index)])

    def corrected(self, hu: NDArray[np.int16], slice_index: int) -> NDArray[np.int16]:
        """A slice with its correction, int16 HU `[y, x]`; `hu` is that slice of the source."""
        if self.coverage(slice_index) is not Coverage.CORRECTED:
            return hu
        return corrected(hu, self.plane(slice_index))

    def output(self, name: str, slice_index: int) -> NDArray[Any] | None:
        """An intermediate picture; None where the method gave none, or not yet."""
        path = self.outputs.get((name, slice_index))
        if path is None:
            return None
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError):
            return None

    def settled_correction(self) -> CorrectionPlanes:
        """The correction of every slice; 0 in slices that are not corrected."""
        rows = {z: row for row, z in enumerate(self.slices) if z in self.done}
        return CorrectionPlanes(self.correction.array, rows, len(self.mask.array))

    def provenance(self) -> Provenance:
        """The record of how it was made."""
        # Not the report itself: a cancelled run has none, and one that went on tells only of its last part.
        known = {
            "method": self.method,
            "title": self.title,
            "version": self.version,
            "parameters": self.report.get("parameters", self.parameters),
            "weights": [{"sha256": self.weights_sha256}] if self.weights_sha256 else [],
            "device": self.device,
            "seconds": self.seconds,
            "notes": self.notes,
            "slices_restored": [z for z, done in self.done.items() if done.is_restored],
        }
        return Provenance.of_run(known, mask_origin=self.mask_text, margin_mm=self.margin_mm, time=self.made)

    @property
    def nbytes(self) -> int:
        """Bytes that its arrays take in memory; 0 once they lie on disk."""
        return sum(shared.nbytes for shared in (self.correction, self.mask))

    def move_to_disk(self) -> None:
        """Make room in memory.

        Raises:
            MarviewError: the disk is full; the result stays in memory.
        """
        for shared in (self.correction, self.mask):
            shared.move_to_disk()

    def close(self) -> None:
        """Let go of its arrays."""
        self.correction.close()
        self.mask.close()
