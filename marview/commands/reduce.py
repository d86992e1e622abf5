"""Correct a series: find its metal, run a method in the worker, write the corrected series."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import SharedSeries, share, shared_series
from marview.commands.settings import parse_settings
from marview.commands.slices import parse_slices
from marview.dicom import LoadedSeries
from marview.dicom.derive import Derivation, write_derived_series
from marview.errors import UsageError
from marview.export import corrected_hu, whole_folder, write_nifti, write_pngs
from marview.mar import Manifest, MarWorker, Message, Outcome, ReduceRequest, Run, SharedArray, discover, find
from marview.mar import Progress as Step
from marview.mar.messages import Device

SOFT_TISSUE = (400.0, 40.0)
"""HU window, width and level, that PNG pictures are written with."""


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
    as_json: bool = False,
) -> int:
    """Correct the series at `path` and write it to `output`; returns the exit code.

    Raises:
        UsageError: an unknown method or parameter, or an output folder that holds something.
        BadInput: the series cannot be read or corrected, or the output cannot be written.
        MethodFailed: the method failed; nothing is written.
    """
    started = time.monotonic()
    manifest = find(method, discover()).manifest
    assert manifest is not None
    parameters = parse_settings(settings)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} holds something already; say another --output.")
    with shared_series(path, series_uid) as series:
        chosen = parse_slices(slices, len(series.loaded.volume.hu))
        if gaps := series.loaded.gaps:
            named = ", ".join(map(str, gaps))
            print(f"marview: Not there or not readable, so left out of the result: slice {named}.", file=sys.stderr)
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
            )
            worker = stack.enter_context(MarWorker())
            report = _run(worker, request, is_quiet=as_json)
            files = _write(series.loaded, correction.array, manifest, report, output, format_)
        _tell(series, metal, report, files, output, time.monotonic() - started, as_json=as_json)
    return 0


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

    def listen(message: Message) -> None:
        if isinstance(message, Step):
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


def _write(
    loaded: LoadedSeries,
    correction_hu: NDArray[np.float32],
    manifest: Manifest,
    report: Mapping[str, Any],
    output: Path,
    format_: str,
) -> Sequence[Path]:
    if format_ == "dicom":
        derivation = Derivation(
            method=manifest.title,
            version=manifest.version,
            parameters=", ".join(f"{name}={value}" for name, value in report.get("parameters", {}).items()),
            weights=" ".join(each.sha256 for each in manifest.weights),
        )
        return write_derived_series(loaded, correction_hu, derivation, output).files
    hu = corrected_hu(loaded.volume.hu, correction_hu)
    if format_ == "nifti":
        with whole_folder(output) as part:
            written = write_nifti(part / "corrected.nii.gz", hu, loaded.volume.grid, like=loaded.nifti)
        return (output / written.name,)
    width_hu, level_hu = SOFT_TISSUE
    pixel_mm = loaded.volume.grid.spacing_mm[1:]
    present = [z for z in range(len(hu)) if z not in loaded.gaps]
    return write_pngs(output, hu, width_hu=width_hu, level_hu=level_hu, pixel_mm=pixel_mm, slices=present)


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
        f"{output}: {len(files)} files, {with_metal} slices corrected with {report.get('method')} in {seconds:.1f} s. "
        "For research: not for primary diagnosis; review with the uncorrected images."
    )
