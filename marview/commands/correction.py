"""Correct one series on disk: open it, find the metal, run a method and write the result."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marview.batch.intake import FOR_ONE_STUDY
from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import SharedSeries, Tell, refuse_gaps, shared_series
from marview.commands.slices import parse_slices
from marview.dicom import LoadedSeries
from marview.dicom.atomic import check_place
from marview.dicom.derive import Underivable
from marview.errors import BadInput, NoMetal
from marview.export import Corrected, Format, refuse_up_front, write_corrected
from marview.mar import (
    MarWorker,
    Message,
    device_named,
    discover,
    find_usable,
    metal_of,
    reduce_request,
)
from marview.terminal import say
from marview.volume.correction import CorrectionPlanes
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

SOFT_TISSUE = HuWindow(400.0, 40.0)
"""HU window of PNG pictures."""


@dataclass(frozen=True)
class Correction:
    """The correction to apply to a series.

    Attributes:
        method: identifier of the method.
        parameters: parameter values of the method that differ from the defaults.
        choice: settings for finding the metal.
        slices: slice numbers in the form used on the command line; empty for all slices.
        device: "auto", "cpu" or "cuda".
        format_: file format of the corrected slices.
        is_across_gaps: whether to correct a series with missing slices.
        restores_cut_off: whether to estimate the HU of clipped dark streaks before the method runs.
        is_one_of_many: whether the correction is applied to many studies; messages then suggest
            `marview reduce` for options that apply to a single study.
    """

    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    choice: MaskChoice = field(default_factory=MaskChoice)
    slices: str = ""
    device: str = "auto"
    format_: Format = Format.DICOM
    is_across_gaps: bool = False
    restores_cut_off: bool = True
    is_one_of_many: bool = False


@dataclass(frozen=True, eq=False)
class Planned:
    """A series that passed every check, ready for the method.

    Attributes:
        series: the series in shared memory.
        metal: the mask to use.
        chosen: indices of the slices to correct.
    """

    series: SharedSeries
    metal: FoundMetal
    chosen: range

    @property
    def loaded(self) -> LoadedSeries:
        """Series to correct."""
        return self.series.loaded


@dataclass(frozen=True, eq=False)
class CorrectedSeries:
    """A corrected series on disk.

    Attributes:
        loaded: the source series, without its voxels in memory.
        metal: the mask that was used.
        report: the worker's report of the run.
        files: the written files.
    """

    loaded: LoadedSeries
    metal: FoundMetal
    report: Mapping[str, Any]
    files: Sequence[Path]


def refuse_method(wanted: Correction, *, device: bool = True) -> None:
    """Refuse an invalid method, parameter or device in advance, with the same error message as a run.

    Args:
        wanted: the correction to check.
        device: whether to check the device too; False if another machine runs the method.

    Raises:
        UsageError: the method, a parameter, its value or the device is not valid.
        MethodFailed: the code of the method cannot be loaded, or its weights are missing or damaged.
    """
    with MarWorker() as worker:
        worker.check(wanted.method, wanted.parameters, device_named(wanted.device) if device else None)


@contextmanager
def planned_correction(
    path: Path, output: Path, wanted: Correction, *, series_key: str = "", tell: Tell = say
) -> Iterator[Planned]:
    """Open the series at `path`, find its metal, and perform all checks possible before the method runs.

    Args:
        path: folder, archive or file.
        output: a new or empty folder, which this function does not create.
        wanted: the correction to apply.
        series_key: UID or key of the series, if `path` contains several.
        tell: called with each finding about the series.

    Raises:
        UsageError: the method is unknown, or the output folder is not empty.
        NoMetal: the slices to correct contain no metal.
        BadInput: the series cannot be read or corrected, it has gaps that `wanted` does not allow, or the
            output cannot be written.
    """
    listing = find_usable(wanted.method, discover())
    where = FOR_ONE_STUDY if wanted.is_one_of_many else ""
    check_place(output)
    if listing.notice:
        tell(listing.notice)
    with shared_series(path, series_key, tell) as series:
        try:
            refuse_up_front(series.loaded, wanted.format_, output)
        except Underivable as why:
            raise BadInput(f"{why} To do so, add --format nifti{where}.") from None
        is_nifti = wanted.format_ is Format.NIFTI
        refuse_gaps(series.loaded, is_across_gaps=wanted.is_across_gaps, is_nifti=is_nifti, tell=tell)
        numbers = series.loaded.volume.grid.slice_numbers
        chosen = parse_slices(wanted.slices, numbers)
        metal = find_metal(series.loaded, wanted.choice, where=where)
        if not metal.mask[chosen.start : chosen.stop].any():
            with_metal = numbers.words(np.flatnonzero(metal.mask.any(axis=(1, 2))).tolist())
            raise NoMetal(
                f"There is no metal in {numbers.words(chosen)} of {path}, so there is nothing to correct. The metal "
                f"is in {with_metal}."
            )
        yield Planned(series, metal, chosen)


def corrected_series(
    path: Path,
    output: Path,
    wanted: Correction,
    worker: Callable[[], MarWorker],
    *,
    series_key: str = "",
    tell: Tell = say,
    on_message: Callable[[Message], None] = lambda _: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    before_writing: Callable[[FoundMetal, Mapping[str, Any]], None] = lambda _metal, _report: None,
) -> CorrectedSeries:
    """Correct the series at `path` and write it to `output`, which is created only if all files are written.

    Args:
        path: folder, archive or file.
        output: a new or empty folder.
        wanted: the correction to apply.
        worker: function that returns the worker; called after all checks.
        series_key: UID or key of the series, if `path` contains several.
        tell: called with each finding about the series.
        on_message: called with each message of the worker.
        is_cancelled: called a few times per second; if it returns True, the run is cancelled.
        before_writing: called with the metal mask and the worker's report before the result is written.

    Raises:
        UsageError: the method or a parameter is unknown, or the output folder is not empty.
        NoMetal: the slices to correct contain no metal.
        BadInput: the series cannot be read or corrected, it has gaps that `wanted` does not allow, or the
            output cannot be written.
        MethodFailed: the method failed or was cancelled; nothing is written.
    """
    with planned_correction(path, output, wanted, series_key=series_key, tell=tell) as planned:
        series, chosen, grid = planned.series, planned.chosen, planned.loaded.volume.grid
        request = reduce_request(
            wanted.method,
            series.hu,
            metal_of(planned.metal.mask),
            spacing_mm=grid.spacing_mm,
            slices=chosen,
            numbers=grid.slice_numbers,
            parameters=wanted.parameters,
            device=wanted.device,
            restore_cut_off=wanted.restores_cut_off,
        )
        metal = dataclasses.replace(planned.metal, mask=request.mask.array)
        del planned  # frees its mask, which is now a second copy
        with closing(request):
            report = worker().reduce(request, on_message).wait_or_cancel(is_cancelled).check()
            choice = wanted.choice
            record = Provenance.of_run(
                report, mask_origin=metal.origin, threshold_hu=choice.threshold_hu, margin_mm=choice.margin_mm
            )
            planes = CorrectionPlanes.of(request.correction.array, chosen, len(series.hu.array))
            corrected = Corrected(series.loaded, planes, metal.mask, record)
            before_writing(metal, report)
            files = write_corrected(corrected, wanted.format_, output, window=SOFT_TISSUE)
        return CorrectedSeries(series.loaded, metal, report, files)
