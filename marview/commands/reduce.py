"""Correct a series: find its metal, run a method in the worker, write the corrected series."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from marview import __version__
from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import SharedSeries, refuse_gaps, share, shared_series
from marview.commands.settings import parse_settings
from marview.commands.slices import parse_slices
from marview.dicom.atomic import check_place
from marview.dicom.derive import Underivable
from marview.errors import BadInput
from marview.export import Corrected, Format, refuse_up_front, write_corrected
from marview.mar import Manifest, MarWorker, Message, Outcome, ReduceRequest, Run, SharedArray, discover, find_usable
from marview.mar import Progress as Step
from marview.mar.messages import Device
from marview.text import count
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

SOFT_TISSUE = HuWindow(400.0, 40.0)
"""What PNG pictures are written with."""


def reduce_series(
    path: Path,
    output: Path,
    *,
    method: str,
    choice: MaskChoice,
    settings: Sequence[str] = (),
    slices: str = "",
    device: str = "auto",
    format_: str = "dicom",
    series_uid: str = "",
    is_across_gaps: bool = False,
    as_json: bool = False,
) -> int:
    """Correct the series at `path` and write it to `output`; returns the exit code.

    Raises:
        UsageError: an unknown method or parameter, or an output folder that holds something.
        BadInput: the series cannot be read or corrected, lacks slices and `is_across_gaps` does not say to go over
            them, or the output cannot be written; known before the method is run.
        MethodFailed: the method failed; nothing is written.
    """
    started = time.monotonic()
    manifest = find_usable(method, discover()).manifest
    assert manifest is not None
    parameters = parse_settings(settings)
    check_place(output)
    with shared_series(path, series_uid) as series:
        try:
            refuse_up_front(series.loaded, Format(format_), output)
        except Underivable as why:
            raise BadInput(f"{why} Say --format nifti.") from None
        refuse_gaps(series.loaded, is_across_gaps=is_across_gaps)
        chosen = parse_slices(slices, series.loaded.volume.grid.slice_numbers)
        metal = find_metal(series.loaded, choice)
        with ExitStack() as stack:
            correction = stack.enter_context(SharedArray.create(series.hu.array.shape, np.float32))
            mask = stack.enter_context(share(metal.mask))
            request = ReduceRequest(
                method=method,
                hu=series.hu,
                mask=mask,
                spacing_mm=series.loaded.volume.grid.spacing_mm,
                correction=correction,
                slices=tuple(chosen),
                parameters=parameters,
                device=cast("Device", device),
                keep_outputs=False,
                is_head_last=series.loaded.volume.grid.slice_numbers.is_head_last,
            )
            worker = stack.enter_context(MarWorker())
            report = _run(worker, request, is_quiet=as_json)
            corrected = Corrected(series.loaded, correction.array, metal.mask, _record(manifest, report, metal, choice))
            files = write_corrected(corrected, Format(format_), output, window=SOFT_TISSUE)
        _tell(series, metal, report, files, output, time.monotonic() - started, as_json=as_json)
    return 0


def _record(manifest: Manifest, report: Mapping[str, Any], metal: FoundMetal, choice: MaskChoice) -> Provenance:
    return Provenance(
        method_id=manifest.id,
        method_title=manifest.title,
        method_version=manifest.version,
        parameters=report.get("parameters", {}),
        weights_sha256=" ".join(each["sha256"] for each in report.get("weights", ())),
        mask_origin=metal.origin,
        threshold_hu=choice.threshold_hu,
        margin_mm=choice.margin_mm,
        device=str(report.get("device", "")),
        seconds=float(report.get("seconds", 0.0)),
        application_version=__version__,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=tuple(map(str, report.get("notes", ()))),
    )


def _run(worker: MarWorker, request: ReduceRequest, *, is_quiet: bool) -> Mapping[str, Any]:
    """Run to the end under a progress bar; Ctrl-C cancels the run first."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        disable=is_quiet or not console.is_terminal,
    )
    task = bar.add_task(request.method, total=1.0)

    is_learning = False

    def listen(message: Message) -> None:
        nonlocal is_learning
        if isinstance(message, Step):
            if message.is_learning != is_learning:
                is_learning = message.is_learning
                bar.reset(task, description="learning from this scan" if is_learning else request.method)
            bar.update(task, completed=message.fraction)

    with bar:
        run = worker.reduce(request, listen)
        try:
            return _wait(run).check()
        except KeyboardInterrupt:
            run.cancel()
            run.wait()
            raise


def _wait(run: Run) -> Outcome:
    """Wait in short steps, so that Ctrl-C is heard on every system."""
    while True:
        try:
            return run.wait(0.2)
        except TimeoutError:
            continue


def _tell(
    series: SharedSeries,
    metal: FoundMetal,
    report: Mapping[str, Any],
    files: Sequence[Path],
    output: Path,
    seconds: float,
    *,
    as_json: bool,
) -> None:
    record = {
        **report,
        "input": str(series.loaded.series.path),
        "left_out": list(series.loaded.gaps),
        "mask": {"origin": metal.origin, "voxels": int(metal.mask.sum()), "notes": list(metal.notes)},
        "output": str(output),
        "files": len(files),
        "seconds": round(seconds, 3),
    }
    if as_json:
        print(json.dumps(record, indent=2))
        return
    for note in dict.fromkeys([*metal.notes, *report.get("notes", ())]):
        print(f"Note: {note}", file=sys.stderr)
    with_metal = sum(1 for each in report.get("slices", ()) if each["metal_pixels"])
    print(
        f"{output}: {count(len(files), 'file')}, {count(with_metal, 'slice')} corrected with {report.get('method')} in "
        f"{seconds:.1f} s. For research: not for primary diagnosis; review with the uncorrected images."
    )
