"""Correct a series: the command `reduce`."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from marview.commands.copy_series import copy_series
from marview.commands.correction import CorrectedSeries, Correction, corrected_series, planned_correction, refuse_method
from marview.commands.metal import FoundMetal, MaskChoice
from marview.commands.options import (
    AcrossGaps,
    AsJson,
    Device,
    DryRun,
    Format,
    Input,
    KMeans,
    Margin,
    MaskFile,
    Method,
    NewFolder,
    Restore,
    RunDevice,
    SavedFormat,
    Series,
    Settings,
    Slices,
    Threshold,
)
from marview.commands.progress import progress
from marview.commands.settings import parse_settings
from marview.dicom import LoadedSeries
from marview.errors import NoMetal
from marview.export import Format as Written
from marview.mar import MarWorker, Message
from marview.mar import Progress as Step
from marview.terminal import note
from marview.text import count


def reduce(
    input_: Input,
    method: Method,
    output: NewFolder,
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    settings: Settings = None,
    slices: Slices = "",
    device: RunDevice = Device.AUTO,
    format_: SavedFormat = Format.DICOM,
    across_gaps: AcrossGaps = False,
    restore: Restore = True,
    series: Series = "",
    copy: Annotated[
        bool,
        typer.Option(
            "--copy", help="If the series contains no metal, copy its files to DIR as they are (any --format)."
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> int:
    """Correct the metal artifacts of a series and write the corrected series.

    A series without metal is not an error: marview reports it and writes nothing unless you add --copy.

    Raises:
        UsageError: the method or a parameter is unknown, or the output folder is not empty.
        BadInput: the series cannot be read or corrected, slices are missing, or the output cannot be
            written; marview checks this before the method runs.
        MethodFailed: the method failed; nothing is written.
    """
    started = time.monotonic()
    wanted = Correction(
        method,
        parse_settings(settings or ()),
        MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans, margin_mm=margin),
        slices,
        device.value,
        Written(format_.value),
        is_across_gaps=across_gaps,
        restores_cut_off=restore,
    )
    try:
        if dry_run:
            with planned_correction(input_, output, wanted, series_key=series) as plan:
                refuse_method(wanted)
                _print_plan(plan.loaded, plan.metal, plan.chosen, wanted, output, as_json=as_json)
            return 0
        with ExitStack() as stack, _progress(method, is_quiet=as_json) as listen:
            done = corrected_series(
                input_,
                output,
                wanted,
                lambda: stack.enter_context(MarWorker()),
                series_key=series,
                on_message=listen,
            )
    except NoMetal as why:
        files = copy_series(input_, output, series) if copy and not dry_run else 0
        _print_no_metal(str(why), output, files, as_json=as_json)
        return 0
    _print_result(done, output, time.monotonic() - started, as_json=as_json)
    return 0


@contextmanager
def _progress(method: str, *, is_quiet: bool) -> Iterator[Callable[[Message], None]]:
    """Show the progress messages of a worker."""
    with progress(method, is_quiet=is_quiet) as advance:

        def listen(message: Message) -> None:
            if isinstance(message, Step):
                task = "learning from this scan" if message.is_learning else method
                text = " ".join(message.text.split())
                advance(message.fraction, f"{task}, {text}" if text else task)

        yield listen


def _mask_record(metal: FoundMetal) -> dict[str, Any]:
    return {"origin": metal.origin, "voxels": int(metal.mask.sum()), "notes": list(metal.notes)}


def _again(loaded: LoadedSeries) -> tuple[str, ...]:
    """Return a note if the series is already corrected."""
    derived = loaded.series.derived
    if not derived:
        return ()
    return (f"This series was already the result of a correction ({derived}). marview corrected it again.",)


def _print_plan(
    loaded: LoadedSeries, metal: FoundMetal, chosen: Sequence[int], wanted: Correction, output: Path, *, as_json: bool
) -> None:
    numbers = loaded.volume.grid.slice_numbers
    with_metal = [index for index in chosen if metal.mask[index].any()]
    if as_json:
        record = {
            "input": str(loaded.series.path),
            "method": wanted.method,
            "slices": numbers.sorted(chosen),
            "slices_with_metal": numbers.sorted(with_metal),
            "mask": _mask_record(metal),
            "output": str(output),
        }
        print(json.dumps(record, indent=2))
        return
    print(
        f"{output}: would contain {count(len(loaded.volume.hu), 'slice')}, {len(with_metal)} of them corrected with "
        f"{wanted.method} ({metal.origin}). Nothing was written."
    )


def _print_no_metal(why: str, output: Path, files: int, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"metal": False, "reason": why, "output": str(output) if files else None, "files": files}))
        return
    print(f"{why} {output}: {count(files, 'file')} copied unchanged." if files else f"{why} Nothing was written.")


def _print_result(done: CorrectedSeries, output: Path, seconds: float, *, as_json: bool) -> None:
    metal, report, files = done.metal, done.report, done.files
    if as_json:
        record = {
            **report,
            "notes": [*_again(done.loaded), *report.get("notes", ())],
            "input": str(done.loaded.series.path),
            "left_out": list(done.loaded.gaps),
            "mask": _mask_record(metal),
            "output": str(output),
            "files": len(files),
            "seconds": round(seconds, 3),
        }
        print(json.dumps(record, indent=2))
        return
    for each in dict.fromkeys([*_again(done.loaded), *metal.notes, *report.get("notes", ())]):
        note(each)
    with_metal = sum(1 for each in report.get("slices", ()) if each["metal_pixels"])
    print(
        f"{output}: {count(len(files), 'file')}, {count(with_metal, 'slice')} corrected with {report.get('method')} in "
        f"{seconds:.1f} s. For research: not for primary diagnosis; review with the uncorrected images."
    )
