"""Python API of marview for notebooks and scripts.

Examples:
    >>> import marview
    >>> sorted(marview.__all__)[:3]
    ['BadInput', 'CaseMeasures', 'Grid']
"""

from __future__ import annotations  # so that help() shows the annotations in this short form

import atexit
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.api_arguments import (
    mask_of,
    refuse_gaps,
    refuse_no_number,
    refuse_wrong_method,
    slice_names,
    volume_of,
    with_metal,
)
from marview.dicom import LoadedSeries, open_series
from marview.dicom.derive import Underivable
from marview.dicom.report import Kind, Outcome
from marview.errors import NoMetal, UsageError
from marview.export import Corrected, Format, corrected_hu, gap_note, write_corrected, write_corrected_nifti
from marview.mar import MarWorker, Message, Progress, SharedArray, metal_of, reduce_request
from marview.mar.discovery import discover
from marview.volume import Volume, adaptive
from marview.volume.checked_mask import checked_mask
from marview.volume.correction import CorrectionPlanes
from marview.volume.margin import with_margin
from marview.volume.mask import refuse_unusable
from marview.volume.provenance import Provenance
from marview.volume.scale import scale_of
from marview.volume.window import HuWindow

_SOFT_TISSUE = HuWindow(400.0, 40.0)


@dataclass(frozen=True, eq=False)
class Metal:
    """A metal mask and a description of how the metal was found.

    The mask is a read-only copy, because `origin` would no longer describe an edited mask. To edit the mask,
    copy it and create a new object: `marview.Metal(mask, "drawn by me")`.

    Attributes:
        mask: bool, `[z, y, x]`; True in metal.
        origin: description of how the metal was found.
        notes: remarks on the mask, for example that the HU scale is clipped.
        margin_mm: margin included in the mask, in mm.
        threshold_hu: threshold set by the user, in HU; None if not set.

    Raises:
        UsageError: the mask contains values other than 0 and 1, or does not have three axes.
    """

    mask: NDArray[np.bool_]
    origin: str
    notes: tuple[str, ...] = ()
    margin_mm: float = 0.0
    threshold_hu: float | None = None

    def __post_init__(self) -> None:
        mask = checked_mask(self.mask).copy()
        if mask.ndim != 3:
            raise UsageError(f"A metal mask must have three axes [z, y, x], but this one has shape {mask.shape}.")
        mask.flags.writeable = False
        object.__setattr__(self, "mask", mask)

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
        correction_hu: correction for each slice in `slices`, float32 HU `[slice, y, x]`.
        slices: z indices of the corrected slices.
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
    """Read a CT series or a NIfTI volume.

    marview issues a Python warning for each finding that affects measurements, such as a missing slice, and
    for each reason why the series cannot be corrected. A NIfTI label file, such as a mask, causes no
    warning.

    Args:
        path: folder, zip, DICOM file or NIfTI file.
        series: UID of the series, needed if `path` contains several.

    Returns:
        The series: `.volume.hu` contains read-only int16 HU `[z, y, x]`, `.volume.grid` gives the voxel
        positions, and `.report` contains all findings. If the series cannot be corrected,
        `.report.reason` says why.

    Raises:
        BadInput: the path contains no series or several series, or the series cannot be read.
        UsageError: `path` is neither a string nor a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(
            "The path of a folder, zip, DICOM file or NIfTI file must be a string or a Path, not "
            f"{type(path).__name__}."
        )
    loaded = open_series(path, series, option="series=UID")
    loaded.volume.hu.flags.writeable = False  # so that the HU always match the files
    for finding in loaded.report.findings:
        if finding.outcome >= Outcome.WARNS and finding.kind is not Kind.LABELS:
            warnings.warn(finding.sentence, stacklevel=2)
    return loaded


def list_methods() -> dict[str, str]:
    """Return the methods that `reduce` can use.

    Returns:
        The title of each method by its identifier, sorted by title. Methods that cannot be used, for example
        because they are not trained, are left out; on the command line, `marview methods` gives the reason.

    Examples:
        >>> list_methods()["nmar"]
        'Normalized MAR'
    """
    return {each.id: each.manifest.title for each in discover() if each.is_usable and each.manifest is not None}


def find_metal(volume: Volume | LoadedSeries, *, threshold_hu: float | None = None, margin_mm: float = 0.0) -> Metal:
    """Find the metal in a volume.

    Args:
        volume: volume, or result of `read`.
        threshold_hu: threshold above which a voxel is metal, in HU; None to find the metal automatically.
        margin_mm: margin in mm; a positive margin grows the mask, a negative one shrinks it.

    Returns:
        The mask and its notes. If no voxel can be identified as metal with certainty, the mask is empty
        and the notes mention any doubtful voxels. If no voxel exceeds the threshold, the notes include
        the highest HU in the volume. Further notes report a clipped or extended HU scale, and a margin
        that has no effect because it is smaller than a voxel.

    Raises:
        BadInput: the margin removes the whole mask, or the series has unreliable geometry or HU.
        UsageError: the threshold or the margin is not a finite number.
    """
    hu, grid = volume_of(volume).hu, volume_of(volume).grid
    refuse_no_number(margin_mm, "A margin must be a length in mm")
    if threshold_hu is None:
        found = adaptive(hu, grid.stack_mm)
        mask, origin, notes = found.mask, found.origin, found.notes
    else:
        refuse_no_number(threshold_hu, "A threshold must be a number in HU")
        mask, origin, notes = hu > threshold_hu, f"above {threshold_hu:g} HU", scale_of(hu).notes
        if not mask.any():
            notes = (*notes, f"No voxel is above {threshold_hu:g} HU. The highest value is {hu.max()} HU.")
    mask, about_margin = with_margin(mask, margin_mm, grid)
    if margin_mm and mask.any():
        origin = f"{origin}, margin {margin_mm:+g} mm"
    return Metal(mask, origin, (*notes, *about_margin), margin_mm, threshold_hu)


def reduce(
    volume: Volume | LoadedSeries,
    method: str = "nmar",
    *,
    metal: Metal | NDArray[np.bool_] | None = None,
    parameters: Mapping[str, Any] | None = None,
    slices: Sequence[int] = (),
    device: str = "auto",
    restore_cut_off: bool = True,
    across_gaps: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> Reduction:
    """Reduce the metal artifacts in a volume.

    The method runs in a worker process. The first call starts the process, which takes a few seconds; later calls
    reuse it.

    Args:
        volume: volume, or result of `read`; it is not changed.
        method: identifier of a method; `list_methods` returns them.
        metal: result of `find_metal`, or bool array `[z, y, x]`; None to find metal automatically.
        parameters: parameter values by name; parameters not given keep their defaults. On the command
            line, `marview methods nmar` prints the parameters of NMAR with their ranges and units.
            Strings are converted as on the command line: "no" to False, "2" to 2.0.
        slices: array indices z of the slices to correct; empty for all slices with metal. Notes give the
            slice numbers of the window instead, which `grid.slice_numbers` converts to indices. Slices
            without metal stay unchanged, and a note in the record lists them.
        device: "auto", "cpu" or "cuda".
        restore_cut_off: whether to estimate the HU of clipped dark streaks before the method runs.
        across_gaps: whether to correct the available slices if others are missing or unreadable.
        on_progress: function called on another thread with the completed fraction of the run, 0 to 1; None
            for no reports.

    Returns:
        The corrected volume, its metal mask and the record of the run. `.provenance.notes` names the slices
        in which a learned method used the result of NMAR instead of its network.

    Raises:
        UsageError: the method, a parameter or the device is unknown, a slice does not exist, or the mask
            has the wrong shape or contains values other than 0 and 1.
        NoMetal: the slices to correct contain no metal.
        BadInput: the series has unreliable geometry or HU, or has missing slices while `across_gaps` is
            False. Also raised if the mask covers more than half of the body or lies entirely in slices
            that do not contain a body.
        MethodFailed: the method failed; the message says why.
    """
    source = volume_of(volume)
    refuse_wrong_method(method, parameters)
    if isinstance(volume, LoadedSeries) and not across_gaps:
        refuse_gaps(volume)
    found = (
        metal if isinstance(metal, Metal) else find_metal(volume) if metal is None else Metal(mask_of(metal), "given")
    )
    mask = found.mask
    if mask.shape != source.hu.shape:
        raise UsageError(f"The mask has shape {mask.shape}, but the volume has shape {source.hu.shape}.")
    chosen = with_metal(mask, slices)
    if not chosen:
        raise NoMetal(_no_metal(found, is_automatic=metal is None))
    refuse_unusable(mask, source.hu)

    def listen(message: Message) -> None:
        if on_progress is not None and isinstance(message, Progress) and not message.is_learning:
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
            report = _worker().reduce(request, listen).wait_or_cancel().check()
            planes = request.correction.array.copy()
    record = Provenance.of_run(
        report, mask_origin=found.origin, margin_mm=found.margin_mm, threshold_hu=found.threshold_hu
    )
    if without := sorted(set(map(int, slices)) - set(chosen)):
        left = slice_names(without, source.grid.slice_numbers)
        record = replace(record, notes=(*record.notes, f"Slices without metal were not corrected: {left}."))
    corrected = corrected_hu(source.hu, CorrectionPlanes.of(planes, chosen, len(mask)))
    return Reduction(volume, corrected, planes, chosen, mask, record)


def write_dicom(reduction: Reduction, folder: Path | str) -> tuple[Path, ...]:
    """Write a corrected series to a new folder as a derived DICOM CT series.

    Missing slices are omitted. If writing fails, no files are left behind.

    Args:
        reduction: result of `reduce` for a series from `read`.
        folder: a new or empty folder.

    Returns:
        The paths of the files.

    Raises:
        UsageError: `reduction` is not a result of `reduce`, its source is not a series from `read`, or the
            folder is not empty.
        BadInput: the folder cannot be written, or a DICOM series cannot be derived from the source
            because it is NIfTI or Enhanced CT or lacks UIDs (use `write_nifti` instead).
    """
    _refuse_no_reduction(reduction, folder)
    if not isinstance(reduction.source, LoadedSeries):
        raise UsageError(
            "marview needs the original files to write a DICOM series. Pass a series from marview.read to "
            "marview.reduce, or use marview.write_nifti."
        )
    planes = CorrectionPlanes.of(reduction.correction_hu, reduction.slices, len(reduction.hu))
    corrected = Corrected(reduction.source, planes, reduction.mask, reduction.provenance)
    try:
        return write_corrected(corrected, Format.DICOM, Path(folder), window=_SOFT_TISSUE)
    except Underivable as why:
        raise Underivable(f"{why} To do so, call marview.write_nifti.") from None


def write_nifti(reduction: Reduction, folder: Path | str) -> tuple[Path, ...]:
    """Write a corrected volume with its metal mask (NIfTI) and the record of the run (JSON) to a new folder.

    Missing slices are written as -1024 HU; a Python warning and a note in the record name them. If
    writing fails, no files are left behind.

    Args:
        reduction: result of `reduce`.
        folder: a new or empty folder.

    Returns:
        The paths of `corrected.nii.gz`, `metal.nii.gz` and `provenance.json`.

    Raises:
        UsageError: `reduction` is not a result of `reduce`, or the folder is not empty.
        BadInput: the folder cannot be written.
    """
    _refuse_no_reduction(reduction, folder)
    source = reduction.source
    like, gaps = (source.nifti, source.gaps) if isinstance(source, LoadedSeries) else (None, ())
    grid = volume_of(source).grid
    files = write_corrected_nifti(
        Path(folder), reduction.hu, reduction.mask, reduction.provenance, grid, gaps=gaps, like=like
    )
    if note := gap_note(gaps, grid.slice_numbers):
        warnings.warn(note, stacklevel=2)
    return files


def _no_metal(found: Metal, *, is_automatic: bool) -> str:
    if found.mask.any() or not found.notes:
        said = "No metal was found" if is_automatic else "The mask marks no metal"
        return f"{said} in these slices, so there is nothing to correct."
    threshold = "a threshold" if found.threshold_hu is None else "a lower threshold"
    how = "metal=marview.find_metal(volume, threshold_hu=...)"
    return f"{found.notes[-1]} If the volume contains metal, set {threshold}: {how}."


def _refuse_no_reduction(reduction: object, folder: object) -> None:
    if not isinstance(reduction, Reduction):
        raise UsageError(f"Expected a result of marview.reduce, not {type(reduction).__name__}.")
    if not isinstance(folder, str | os.PathLike):
        raise UsageError(f"Expected a folder, not {type(folder).__name__}.")


@cache
def _worker() -> MarWorker:
    worker = MarWorker()
    atexit.register(worker.close)
    return worker
