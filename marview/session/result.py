"""The result of a run: the correction to add to the original, and a record of how it was computed."""

import contextlib
import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.mar.messages import SliceDone
from marview.session.last_picture import LastPicture
from marview.session.plane_store import KeptPlane, PlaneStore
from marview.text import tr
from marview.volume.box import Box, box_of, shape_of
from marview.volume.correction import corrected
from marview.volume.provenance import Provenance


class Coverage(enum.StrEnum):
    """State of a slice in a result."""

    CORRECTED = "corrected"
    WAITING = "waiting"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, eq=False)
class CorrectedHu:
    """Corrected volume, computed block by block: indexing it with three Python slices returns int16 HU."""

    hu: NDArray[np.int16]
    result: "Result"

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the volume (z, y, x)."""
        return self.hu.shape

    def __getitem__(self, block: tuple[slice, slice, slice]) -> NDArray[np.int16]:
        values = np.array(self.hu[block])
        planes, *rest = block
        for at, z in enumerate(range(*planes.indices(len(self.hu)))):
            if z in self.result.done:
                values[at] = corrected(values[at], self.result.correction_of(z)[tuple(rest)])
        return values


class KeptMask:
    """Compact metal mask, with one bit per pixel in a box around the metal of each slice.

    Attributes:
        slices: indices of the slices that are stored.

    Args:
        mask: bool, `[z, y, x]`.
        slices: indices of the slices to store; all other slices are treated as empty.
    """

    def __init__(self, mask: NDArray[np.bool_], slices: Sequence[int]) -> None:
        self.shape: tuple[int, ...] = mask.shape
        self.slices = tuple(slices)
        self._kept: dict[int, tuple[Box, NDArray[np.uint8]]] = {}
        for z in slices:
            if (box := box_of(mask[z : z + 1])) is not None:
                self._kept[z] = box, np.packbits(mask[z : z + 1][box])

    @property
    def span(self) -> slice:
        """Return the range from the first to the last stored slice."""
        return slice(min(self.slices, default=0), max(self.slices, default=-1) + 1)

    def __getitem__(self, z: int) -> NDArray[np.bool_]:
        """Return the metal of a slice, bool `[y, x]`."""
        plane = np.zeros((1, *self.shape[1:]), bool)
        self._write_slice(z, plane)
        metal: NDArray[np.bool_] = plane[0]
        return metal

    def is_equal(self, z: int, metal: NDArray[np.bool_] | None) -> bool:
        """Return whether the mask of a slice equals `metal`, bool `[y, x]`; None stands for an empty mask."""
        stored = self[z]
        return not stored.any() if metal is None else np.array_equal(stored, metal)

    def write_to(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Write the metal into an empty mask, bool `[z, y, x]`, and return the mask."""
        for z in self._kept:
            self._write_slice(z, mask[z : z + 1])
        return mask

    def _write_slice(self, z: int, plane: NDArray[np.bool_]) -> None:
        if z in self._kept:
            box, bits = self._kept[z]
            shape = shape_of(box)
            plane[box] = np.unpackbits(bits, count=math.prod(shape)).view(np.bool_).reshape(shape)


class SettledCorrection:
    """Snapshot of the corrections of all slices in a volume.

    Args:
        planes: corrections keyed by slice; the correction is 0 for all other slices.
        shape: shape of the volume.
    """

    def __init__(self, planes: Mapping[int, KeptPlane], shape: tuple[int, ...]) -> None:
        self._planes = dict(planes)
        self._nothing = np.zeros(shape[1:], np.float32)
        self._nothing.setflags(write=False)
        self.shape = shape

    def __getitem__(self, z: int) -> NDArray[np.float32]:
        """Return the correction of a slice, float32 HU `[y, x]`."""
        if not 0 <= z < self.shape[0]:
            raise IndexError(f"slice {z} is out of range: the volume has {self.shape[0]} slices")
        return self._planes[z].read() if z in self._planes else self._nothing


@dataclass(eq=False)
class Result:
    """Correction computed by a run, with a record of how it was computed.

    The run adds the corrected slices one by one.

    Attributes:
        mask_text: English description of how the mask was created, for files.
        mask_words: the same description, in the user's language.
        series: key of the corrected series.
        series_title: description of the corrected series.
        is_exported: whether the result was exported.
        kept_as: name of this result's autosave; empty if there is none.
        kept_slices: number of corrected slices in the autosave.
        weights_sha256: SHA-256 of each weights file that the run used, separated by spaces.
        restores_cut_off: whether the run restores dark streaks that are clipped in the file.
        mask: metal mask of the run.
        slices: indices of the slices to correct.
        store: storage of the corrections.
        made: time of the run, ISO 8601.
        done: reports of the corrected slices.
        outputs: files (.npy) of intermediate images, keyed by name and slice.
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
    mask_words: str = ""
    series: str = ""
    series_title: str = ""
    is_exported: bool = False
    kept_as: str = ""
    kept_slices: int = 0
    weights_sha256: str = ""
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    device: str = ""
    restores_cut_off: bool = True
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    done: dict[int, SliceDone] = field(default_factory=dict)
    outputs: dict[tuple[str, int], Path] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    _planes: dict[int, KeptPlane] = field(default_factory=dict, repr=False)
    _last: LastPicture = field(default_factory=LastPicture, repr=False)

    def take(self, done: SliceDone, correction: KeptPlane) -> None:
        """Store the correction and the report of a finished slice, and mark the result as not exported."""
        self.is_exported = False
        self._planes[done.slice_index] = correction
        self.done[done.slice_index] = done

    @property
    def mask_and_margin(self) -> str:
        """Return `mask_words`, with the margin if there is one; this distinguishes runs in lists."""
        margin = f", {tr('margin {:+g} mm').format(self.margin_mm)}" if self.margin_mm else ""
        return f"{self.mask_words}{margin}"

    @property
    def is_complete(self) -> bool:
        """Return whether all slices are corrected."""
        return len(self.done) == len(self.slices)

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the slices that are not corrected yet."""
        return tuple(z for z in self.slices if z not in self.done)

    def coverage(self, slice_index: int) -> Coverage:
        """Return the state of a slice."""
        if slice_index in self.done:
            return Coverage.CORRECTED
        return Coverage.WAITING if slice_index in self.slices else Coverage.UNCHANGED

    def title_of(self, slice_index: int) -> str:
        """Return the translated title of the method.

        If another method corrected the slice, the title includes both methods.
        """
        done, title = self.done.get(slice_index), tr(self.title)
        if done is None or not done.made_by:
            return title
        return tr("{} in place of {}").format(tr(done.made_by), title)

    def correction_of(self, slice_index: int) -> NDArray[np.float32]:
        """Return the correction to add to a slice, float32 HU `[y, x]`.

        The correction is 0 everywhere if the slice has not been corrected.
        """
        kept = self._planes.get(slice_index)
        if kept is not None:
            try:
                return kept.read()
            except BadInput as lost:  # the slice now counts as missing
                del self._planes[slice_index], self.done[slice_index]
                self.notes.append(str(lost))
        return np.zeros(self.mask.shape[1:], np.float32)

    def corrected(self, hu: NDArray[np.int16], slice_index: int) -> NDArray[np.int16]:
        """Return the corrected slice, int16 HU `[y, x]`; callers must not modify it.

        `hu` is the original slice.
        """
        if self.coverage(slice_index) is not Coverage.CORRECTED:
            return hu
        correction, kept = self.correction_of(slice_index), self._planes.get(slice_index)
        picture = None if kept is None else self._last.get(kept)
        if picture is None:
            picture = corrected(hu, correction)
            if kept is not None:
                self._last.put(kept, picture)
        return picture

    def make_ready(self, hu: NDArray[np.int16], correction: KeptPlane) -> None:
        """Compute a corrected slice before the window asks for it; any thread may call this."""
        self._last.put(correction, corrected(hu, correction.read()), is_awaited=True)

    def output(self, name: str, slice_index: int) -> NDArray[Any] | None:
        """Return an intermediate image produced by the method; None if it does not exist yet."""
        path = self.outputs.get((name, slice_index))
        if path is None:
            return None
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError):
            return None

    def settled_correction(self) -> SettledCorrection:
        """Return a snapshot of all corrections, with 0 for slices that are not corrected."""
        return SettledCorrection(self._planes, self.mask.shape)

    def provenance(self) -> Provenance:
        """Return the provenance of the result (method, parameters, mask and so on) for exported files."""
        # A cancelled run has no report, and the report of a continued run describes only its last part.
        known = {
            "method": self.method,
            "title": self.title,
            "version": self.version,
            "parameters": self.report.get("parameters", self.parameters),
            "weights": [{"sha256": self.weights_sha256}] if self.weights_sha256 else [],
            "device": self.device,
            "seconds": self.seconds,
            "notes": self.notes,
            "restore_cut_off": self.restores_cut_off,
            "slices_restored": [z for z, done in self.done.items() if done.is_restored],
        }
        return Provenance.of_run(known, mask_origin=self.mask_text, margin_mm=self.margin_mm, time=self.made)

    def close(self) -> None:
        """Release the corrections, and remove the files of intermediate images."""
        self._planes.clear()
        self._last.drop()
        self.done.clear()
        for path in self.outputs.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self.outputs.clear()
