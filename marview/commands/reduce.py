"""Correct a series: the verb `reduce`."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn

from marview.commands.copy_series import copy_series
from marview.commands.correction import CorrectedSeries, Correction, corrected_series
from marview.commands.metal import MaskChoice
from marview.commands.settings import parse_settings
from marview.commands.time_left_column import TimeLeftColumn
from marview.errors import NoMetal
from marview.export import Format
from marview.mar import MarWorker, Message
from marview.mar import Progress as Step
from marview.terminal import terminal
from marview.text import count
from marview.time_left import TimeLeft


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
    restores_cut_off: bool = True,
    as_json: bool = False,
    copies_without_metal: bool = False,
) -> int:
    """Correct the series at `path` and write it to `output`; returns the exit code.

    A series without metal is no failure: a sentence says so, and nothing is written unless `copies_without_metal`.

    Raises:
        UsageError: an unknown method or parameter, or an output folder that holds something.
        BadInput: the series cannot be read or corrected, lacks slices without `is_across_gaps`, or the output cannot
            be written; found out before the method runs.
        MethodFailed: the method failed; nothing is written.
    """
    started = time.monotonic()
    wanted = Correction(
        method,
        parse_settings(settings),
        choice,
        slices,
        device,
        Format(format_),
        is_across_gaps=is_across_gaps,
        restores_cut_off=restores_cut_off,
    )
    with ExitStack() as stack, _progress(method, is_quiet=as_json) as listen:

        def worker() -> MarWorker:
            return stack.enter_context(MarWorker())

        try:
            done = corrected_series(path, output, wanted, worker, series_key=series_uid, on_message=listen)
        except NoMetal as why:
            files = copy_series(path, output, series_uid) if copies_without_metal else 0
            _tell_no_metal(str(why), output, files, as_json=as_json)
            return 0
    _tell(done, output, time.monotonic() - started, as_json=as_json)
    return 0


@contextmanager
def _progress(method: str, *, is_quiet: bool) -> Iterator[Callable[[Message], None]]:
    """Show a progress bar on a terminal."""
    console = terminal(is_error=True)
    left = TimeLeft()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeLeftColumn(lambda: left.seconds),
        console=console,
        disable=is_quiet or not console.is_terminal,
    )
    task = bar.add_task(method, total=1.0)
    is_learning = False

    def listen(message: Message) -> None:
        nonlocal is_learning
        if isinstance(message, Step):
            if message.is_learning != is_learning:
                is_learning = message.is_learning
                bar.reset(task, description="learning from this scan" if is_learning else method)
                left.restart(message.fraction)
            left.note(message.fraction)
            bar.update(task, completed=message.fraction)

    with bar:
        yield listen


def _tell_no_metal(why: str, output: Path, files: int, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"metal": False, "reason": why, "output": str(output) if files else None, "files": files}))
        return
    print(f"{why} {output}: {count(files, 'file')} copied unchanged." if files else f"{why} Nothing was written.")


def _tell(done: CorrectedSeries, output: Path, seconds: float, *, as_json: bool) -> None:
    metal, report, files = done.metal, done.report, done.files
    record = {
        **report,
        "input": str(done.loaded.series.path),
        "left_out": list(done.loaded.gaps),
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
