"""What a run gives: a correction to add to the source, and what is known about it."""

import contextlib
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.mar.messages import SliceDone
from marview.session.plane_store import KeptPlane, PlaneStore
from marview.volume.correction import corrected
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
                values[at] = corrected(values[at], self.result.correction_of(z)[tuple(rest)])
        return values


class KeptMask:
    """A metal mask that takes little memory: a bit for each pixel of the slices that hold metal or are corrected.

    Args:
        mask: bool, `[z, y, x]`.
        slices: those to keep; the others count as empty.
    """

    def __init__(self, mask: NDArray[np.bool_], slices: Sequence[int]) -> None:
        self.shape: tuple[int, ...] = mask.shape
        self._bits = {z: np.packbits(mask[z]) for z in slices}

    @property
    def span(self) -> slice:
        """The slices from the first to the last one that is kept."""
        return slice(min(self._bits, default=0), max(self._bits, default=-1) + 1)

    def __getitem__(self, z: int) -> NDArray[np.bool_]:
        """The metal of a slice, bool `[y, x]`."""
        rows, columns = self.shape[1:]
        if z not in self._bits:
            return np.zeros((rows, columns), bool)
        return np.unpackbits(self._bits[z], count=rows * columns).view(np.bool_).reshape(rows, columns)

    def write_to(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Write the slices into an empty mask, bool `[z, y, x]`, and give it."""
        for z in self._bits:
            mask[z] = self[z]
        return mask


class SettledCorrection:
    """The correction of every slice of a volume as it was when this was made.

    Args:
        planes: corrections by slice; the others are 0.
        shape: shape of the volume.
    """

    def __init__(self, planes: Mapping[int, KeptPlane], shape: tuple[int, ...]) -> None:
        self._planes = dict(planes)
        self._nothing = np.zeros(shape[1:], np.float32)
        self._nothing.setflags(write=False)
        self.shape = shape

    def __getitem__(self, z: int) -> NDArray[np.float32]:
        """What is added to a slice, float32 HU `[y, x]`."""
        if not 0 <= z < self.shape[0]:
            raise IndexError(f"there is no slice {z} of {self.shape[0]}")
        return self._planes[z].read() if z in self._planes else self._nothing


@dataclass(eq=False)
class Result:
    """A correction and how it was made; it fills while its run goes on.

    Attributes:
        series: key of the series it corrects.
        series_title: what that series calls itself.
        is_exported: whether it was written to files.
        weights_sha256: SHA-256 of the weights that were read for it, with blanks between.
        mask: the metal it was made with.
        slices: the slices that were to be corrected.
        store: keeps the corrections of slices.
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
    mask: KeptMask
    store: PlaneStore = field(repr=False)
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
    _planes: dict[int, KeptPlane] = field(default_factory=dict, repr=False)

    def take(self, done: SliceDone, correction: KeptPlane) -> None:
        """Keep the correction of a slice that is done, and what is known of it."""
        self._planes[done.slice_index] = correction
        self.done[done.slice_index] = done

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
        kept = self._planes.get(slice_index)
        if kept is not None:
            try:
                return kept.read()
            except BadInput as lost:  # the slice counts as missing from now on
                del self._planes[slice_index], self.done[slice_index]
                self.notes.append(str(lost))
        return np.zeros(self.mask.shape[1:], np.float32)

    def corrected(self, hu: NDArray[np.int16], slice_index: int) -> NDArray[np.int16]:
        """A slice with its correction, int16 HU `[y, x]`; `hu` is that slice of the source."""
        if self.coverage(slice_index) is not Coverage.CORRECTED:
            return hu
        return corrected(hu, self.correction_of(slice_index))

    def output(self, name: str, slice_index: int) -> NDArray[Any] | None:
        """An intermediate picture; None where the method gave none, or not yet."""
        path = self.outputs.get((name, slice_index))
        if path is None:
            return None
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError):
            return None

    def settled_correction(self) -> SettledCorrection:
        """The correction of every slice; 0 in slices that are not corrected."""
        return SettledCorrection(self._planes, self.mask.shape)

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

    def close(self) -> None:
        """Let go of its corrections and of the files of its pictures."""
        self._planes.clear()
        self.done.clear()
        for path in self.outputs.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self.outputs.clear()
