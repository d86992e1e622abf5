"""The Python API: what `import marview` offers to notebooks and scripts.

Examples:
    >>> import marview
    >>> sorted(marview.__all__)[:3]
    ['BadInput', 'CaseMeasures', 'Grid']
"""

import atexit
import math
import numbers
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries, open_series
from marview.errors import NoMetal, UsageError
from marview.export import Corrected, Format, corrected_hu, write_corrected
from marview.mar import MarWorker, Message, Progress, SharedArray, metal_of, reduce_request
from marview.volume import Volume, adaptive
from marview.volume.checked_mask import checked_mask
from marview.volume.correction import CorrectionPlanes
from marview.volume.margin import with_margin
from marview.volume.mask import refuse_unusable
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

_SOFT_TISSUE = HuWindow(400.0, 40.0)


@dataclass(frozen=True, eq=False)
class Metal:
    """A metal mask and how it was found.

    Attributes:
        mask: bool, `[z, y, x]`; True in metal.
        origin: description of how the metal was found.
        notes: notes for the reader of the mask.
        margin_mm: margin that the mask contains, in mm.
    """

    mask: NDArray[np.bool_]
    origin: str
    notes: tuple[str, ...] = ()
    margin_mm: float = 0.0

    def __repr__(self) -> str:
        slices = int(self.mask.any(axis=(1, 2)).sum())
        said = "".join(f"; {note}" for note in self.notes)
        return f"Metal({self.mask.sum()} voxels in {slices} of {len(self.mask)} slices, {self.origin}{said})"


@dataclass(frozen=True, eq=False)
class Reduction:
    """A corrected volume.

    Attributes:
        source: volume or series before the correction.
        hu: int16 HU, `[z, y, x]`.
        correction_hu: correction of each slice of `slices`, float32 HU `[slice, y, x]`.
        slices: indices z of the corrected slices.
        mask: metal mask, bool `[z, y, x]`.
        provenance: method, version, weights, parameters, device, time, notes.
    """

    source: Volume | LoadedSeries
    hu: NDArray[np.int16]
    correction_hu: NDArray[np.float32]
    slices: tuple[int, ...]
    mask: NDArray[np.bool_]
    provenance: Provenance

    def __repr__(self) -> str:
        made = f"{self.provenance.method_title} {self.provenance.method_version}"
        return f"Reduction({made}, {len(self.slices)} of {len(self.hu)} slices corrected)"


def read(path: Path | str, series: str = "") -> LoadedSeries:
    """Read a series: `.volume.hu` is int16 HU `[z, y, x]`, `.volume.grid` the position of its voxels.

    Args:
        path: folder, zip, DICOM file or NIfTI file.
        series: UID of the series, needed if `path` contains several.

    Raises:
        BadInput: there is no series, there are several, or the series cannot be read; the message says which.
        UsageError: the path is not a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"A path is needed, not {type(path).__name__}: a folder, zip, DICOM file or NIfTI file.")
    return open_series(path, series, option="series=UID")


def find_metal(volume: Volume | LoadedSeries, *, threshold_hu: float | None = None, margin_mm: float = 0.0) -> Metal:
    """Find the metal of a volume.

    Args:
        volume: volume, or result of `read`.
        threshold_hu: threshold of metal in HU; None to find it automatically.
        margin_mm: margin in mm; + grows the mask, - shrinks it.

    Returns:
        The mask. It is empty if nothing is certainly metal; the notes then mention doubtful voxels, or the highest HU
        if it does not exceed the threshold. A note also says if the margin is smaller than a voxel and so changes
        nothing.

    Raises:
        BadInput: the margin removes the whole mask.
        UsageError: the threshold or the margin is not a finite number.
    """
    hu, grid = _volume(volume).hu, _volume(volume).grid
    _refuse_no_number(margin_mm, "A margin must be a length in mm")
    if threshold_hu is None:
        found = adaptive(hu, grid.stack_mm)
        mask, origin, notes = found.mask, f"adaptive, above {found.threshold_hu:.0f} HU", tuple(found.notes)
    else:
        _refuse_no_number(threshold_hu, "A threshold must be a number of HU")
        mask, origin, notes = hu > threshold_hu, f"above {threshold_hu:g} HU", ()
        if not mask.any():
            notes = (f"No voxel is above {threshold_hu:g} HU: the highest has {hu.max()} HU.",)
    mask, about_margin = with_margin(mask, margin_mm, grid)
    if margin_mm and mask.any():
        origin = f"{origin}, margin {margin_mm:+g} mm"
    return Metal(mask, origin, (*notes, *about_margin), margin_mm)


def reduce(
    volume: Volume | LoadedSeries,
    method: str = "nmar",
    *,
    metal: Metal | NDArray[np.bool_] | None = None,
    parameters: Mapping[str, Any] | None = None,
    slices: Sequence[int] = (),
    device: str = "auto",
    restore_cut_off: bool = True,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Reduction:
    """Reduce the metal artifacts of a volume.

    The method runs in a worker process, which is kept for the next call.

    Args:
        volume: volume, or result of `read`; it is not changed.
        method: identifier of a method, as listed by `marview methods`.
        metal: result of `find_metal`, or bool array `[z, y, x]`; None to find metal automatically.
        parameters: values of the method's parameters that differ from their defaults.
        slices: indices z of the slices to correct; empty for all slices with metal.
        device: "auto", "cpu" or "cuda".
        restore_cut_off: whether to estimate dark streaks that the file clipped before the method runs.
        on_progress: function called with the finished fraction, 0 to 1, on another thread.

    Raises:
        UsageError: an unknown method, parameter, device or slice, or a mask with a wrong shape or with values other
            than 0 and 1.
        NoMetal: there is no metal.
        BadInput: the mask covers more than half of the body.
        MethodFailed: the method failed; the message says why.
    """
    source = _volume(volume)
    found = find_metal(volume) if metal is None else metal
    mask, origin = (found.mask, found.origin) if isinstance(found, Metal) else (_mask(found), "given")
    if mask.shape != source.hu.shape:
        raise UsageError(f"The mask has the shape {mask.shape} and the volume {source.hu.shape}.")
    wanted = _indices(slices) or range(len(mask))
    if outside := [z for z in wanted if not 0 <= z < len(mask)]:
        raise UsageError(f"Slice {outside[0]} is out of range: the volume has slices 0 to {len(mask) - 1}.")
    chosen = tuple(z for z in wanted if mask[z].any())
    if not chosen:
        said = "No metal was found" if metal is None else "The mask marks no metal"
        raise NoMetal(f"{said} in these slices, so there is nothing to correct.")
    refuse_unusable(mask, source.hu)

    def listen(message: Message) -> None:
        if isinstance(message, Progress) and not message.is_learning:
            on_progress(message.fraction)

    with SharedArray.copy_of(source.hu) as hu:
        request = reduce_request(
            method,
            hu,
            metal_of(mask),
            spacing_mm=source.grid.spacing_mm,
            slices=chosen,
            numbers=source.grid.slice_numbers,
            parameters=parameters,
            device=device,
            restore_cut_off=restore_cut_off,
        )
        with closing(request):
            run = _worker().reduce(request, listen)
            try:
                report = run.wait().check()
            except KeyboardInterrupt:
                run.cancel()
                raise
            planes = request.correction.array.copy()
    margin_mm = found.margin_mm if isinstance(found, Metal) else 0.0
    record = Provenance.of_run(report, mask_origin=origin, margin_mm=margin_mm)
    corrected = corrected_hu(source.hu, CorrectionPlanes.of(planes, chosen, len(mask)))
    return Reduction(volume, corrected, planes, chosen, mask, record)


def write_dicom(reduction: Reduction, folder: Path | str) -> tuple[Path, ...]:
    """Write a corrected series as a derived DICOM CT series to a new folder, whole or not at all.

    Raises:
        UsageError: this is not a result of `reduce`, the volume did not come from DICOM files, or the folder is not
            empty.
        BadInput: the source cannot be written as a DICOM series, or the folder cannot be written.
    """
    if not isinstance(reduction, Reduction):
        raise UsageError(f"A result of marview.reduce is needed, not {type(reduction).__name__}.")
    if not isinstance(reduction.source, LoadedSeries):
        raise UsageError("A derived series needs the files it is derived from: reduce what marview.read returns.")
    planes = CorrectionPlanes.of(reduction.correction_hu, reduction.slices, len(reduction.hu))
    corrected = Corrected(reduction.source, planes, reduction.mask, reduction.provenance)
    return write_corrected(corrected, Format.DICOM, Path(folder), window=_SOFT_TISSUE)


def _volume(volume: Volume | LoadedSeries) -> Volume:
    if isinstance(volume, str | Path):
        raise UsageError(f"A volume is needed, not a path. Read it first: marview.read({str(volume)!r}).")
    if not isinstance(volume, Volume | LoadedSeries):
        raise UsageError(
            f"A volume is needed, not {type(volume).__name__}. Make one: marview.Volume(hu, grid), or use marview.read."
        )
    return volume.volume if isinstance(volume, LoadedSeries) else volume


def _refuse_no_number(value: object, must_be: str) -> None:
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise UsageError(f"{must_be}, not {value!r}.")


def _mask(metal: object) -> NDArray[np.bool_]:
    if isinstance(metal, str | Path):
        raise UsageError(
            f"A mask must be an array, not a path. Read it first: marview.read({str(metal)!r}).volume.hu > 0."
        )
    return checked_mask(metal)


def _indices(slices: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(map(operator.index, slices))
    except TypeError:
        raise UsageError(f"Slices must be a list of indices, such as [16], not {slices!r}.") from None


@cache
def _worker() -> MarWorker:
    worker = MarWorker()
    atexit.register(worker.close)
    return worker
