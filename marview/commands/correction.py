"""Correct one series from file to file: open it, find metal, run a method, write the result."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import Tell, refuse_gaps, say, share, shared_series
from marview.commands.slices import parse_slices
from marview.dicom import LoadedSeries
from marview.dicom.atomic import check_place
from marview.dicom.derive import Underivable
from marview.errors import BadInput
from marview.export import Corrected, Format, refuse_up_front, write_corrected
from marview.mar import MarWorker, Message, Outcome, ReduceRequest, Run, SharedArray, discover, find_usable
from marview.mar.messages import Device
from marview.volume.correction import CorrectionPlanes
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

SOFT_TISSUE = HuWindow(400.0, 40.0)
"""HU window of PNG pictures."""


@dataclass(frozen=True)
class Correction:
    """What is done with a series.

    Attributes:
        method: identifier of the method.
        parameters: values of its parameters that differ from their defaults.
        choice: how the metal is found.
        slices: which slices, as the command line writes them; all where empty.
        device: "auto", "cpu" or "cuda".
        format_: of the corrected slices.
        is_across_gaps: correct a series with missing slices too.
        restores_cut_off: restore dark streaks that the file cut off before the method runs.
    """

    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    choice: MaskChoice = field(default_factory=MaskChoice)
    slices: str = ""
    device: str = "auto"
    format_: Format = Format.DICOM
    is_across_gaps: bool = False
    restores_cut_off: bool = True


@dataclass(frozen=True, eq=False)
class CorrectedSeries:
    """A corrected series on disk.

    Attributes:
        loaded: the source; its HU are gone.
        metal: the mask that was used.
        report: what the worker reports of the run.
        files: what was written.
    """

    loaded: LoadedSeries
    metal: FoundMetal
    report: Mapping[str, Any]
    files: Sequence[Path]


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
    """Correct the series at `path` and write it to the folder `output`, which appears whole or not at all.

    Args:
        path: folder, archive or file.
        output: a folder that is not there yet, or empty.
        wanted: what is done.
        worker: gives the worker; called once everything that could be refused is known.
        series_key: UID or key of the series, where `path` holds several.
        tell: hears findings about the series.
        on_message: hears the worker.
        is_cancelled: asked a few times a second.
        before_writing: called with the metal and the worker's report once there is something to write.

    Raises:
        UsageError: an unknown method or parameter, or an output folder that holds something.
        NoMetal: there is no metal.
        BadInput: the series cannot be read or corrected, it has gaps that `wanted` does not accept, or the output
            cannot be written.
        MethodFailed: the method failed or was cancelled; nothing is written.
    """
    listing = find_usable(wanted.method, discover())
    manifest = listing.manifest
    assert manifest is not None
    check_place(output)
    if listing.notice:
        tell(listing.notice)
    with ExitStack() as stack:
        series = stack.enter_context(shared_series(path, series_key, tell))
        try:
            refuse_up_front(series.loaded, wanted.format_, output)
        except Underivable as why:
            raise BadInput(f"{why} Say --format nifti.") from None
        refuse_gaps(series.loaded, is_across_gaps=wanted.is_across_gaps, tell=tell)
        numbers = series.loaded.volume.grid.slice_numbers
        chosen = parse_slices(wanted.slices, numbers)
        metal = find_metal(series.loaded, wanted.choice)
        depth, *plane = series.hu.array.shape
        correction = stack.enter_context(SharedArray.create((len(chosen), *plane), np.float32))
        mask = stack.enter_context(share(metal.mask))
        metal = dataclasses.replace(metal, mask=mask.array)  # so that it lies in memory once
        request = ReduceRequest(
            method=wanted.method,
            hu=series.hu,
            mask=mask,
            spacing_mm=series.loaded.volume.grid.spacing_mm,
            correction=correction,
            slices=tuple(chosen),
            parameters=wanted.parameters,
            device=cast("Device", wanted.device),
            keep_outputs=False,
            restore_cut_off=wanted.restores_cut_off,
            is_head_last=numbers.is_head_last,
        )
        run = worker().reduce(request, on_message)
        report = _wait(run, is_cancelled).check()
        choice = wanted.choice
        record = Provenance.of_run(
            report, mask_origin=metal.origin, threshold_hu=choice.threshold_hu, margin_mm=choice.margin_mm
        )
        planes = CorrectionPlanes.of(correction.array, chosen, depth)
        corrected = Corrected(series.loaded, planes, metal.mask, record)
        before_writing(metal, report)
        files = write_corrected(corrected, wanted.format_, output, window=SOFT_TISSUE)
        return CorrectedSeries(series.loaded, metal, report, files)


def _wait(run: Run, is_cancelled: Callable[[], bool]) -> Outcome:
    """Wait in short steps, so that Ctrl-C is heard on every system; cancel the run first."""
    try:
        while True:
            if is_cancelled():
                run.cancel()
                return run.wait()
            try:
                return run.wait(0.2)
            except TimeoutError:
                continue
    except KeyboardInterrupt:
        run.cancel()
        run.wait()
        raise
