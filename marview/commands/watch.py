"""Correct studies as they arrive: the verb `watch`."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from marview.batch.intake import Intake
from marview.batch.job import State
from marview.batch.summary import sentence, write_summaries
from marview.batch.table import JobTable
from marview.batch.watching import Inbox, free_bytes, size_of
from marview.commands.batch import (
    Order,
    affordable,
    inform,
    opened_table,
    say_rule,
    terminated_as_interrupted,
    work_off,
)
from marview.commands.correction import Correction
from marview.commands.options import (
    AcrossGaps,
    Device,
    Format,
    JobFolder,
    KMeans,
    Margin,
    Method,
    Restore,
    RunDevice,
    SavedFormat,
    Settings,
    Threshold,
    Workers,
)
from marview.errors import UsageError

_POLL_S = 2.0
_ROOM = 3
"""Disk space that a study needs, as a multiple of its size: the result, its part file and a reserve."""


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Studies arrive here, each as a subfolder or file.")],
    output: JobFolder,
    method: Method = "nmar",
    quiet_s: Annotated[
        float,
        typer.Option(
            "--settle",
            metavar="S",
            min=0,
            help="A study is complete after this number of seconds without a change.",
        ),
    ] = 60.0,
    keep_free: Annotated[
        int,
        typer.Option(metavar="MB", min=0, help="Start no study while the disk of DIR has less free space than this."),
    ] = 2000,
    workers: Workers = 0,
    threshold: Threshold = None,
    kmeans: KMeans = None,
    margin: Margin = 0.0,
    settings: Settings = None,
    device: RunDevice = Device.AUTO,
    format_: SavedFormat = Format.DICOM,
    across_gaps: AcrossGaps = False,
    restore: Restore = True,
) -> int:
    """Correct studies as they arrive in a folder, until stopped with Ctrl-C or SIGTERM.

    The output folder gets the results, the job table and the summaries; an earlier table in it is continued.

    Raises:
        UsageError: the output folder is inside the watched folder, or another process or batch uses it.
        BadInput: the folder cannot be listed, or the job table cannot be used.
    """
    order = Order(
        method=method,
        settings=tuple(settings or ()),
        threshold_hu=threshold,
        margin_mm=margin,
        device=device.value,
        format_=format_.value,
        across_gaps=across_gaps,
        classes=kmeans,
        restores_cut_off=restore,
    )
    watch_folder(folder, output, order, quiet_s=quiet_s, keep_free_mb=keep_free, workers=workers)
    return 0


def watch_folder(
    folder: Path,
    output: Path,
    order: Order,
    *,
    quiet_s: float,
    keep_free_mb: int,
    workers: int = 0,
    stop: threading.Event | None = None,
) -> None:
    """Correct every study that arrives in a folder, until `stop`, Ctrl-C or SIGTERM.

    Args:
        folder: folder in which studies arrive, each as a subfolder or a file.
        output: folder of the results, the job table and the summaries; an earlier table is continued.
        order: the correction to apply to every study.
        quiet_s: seconds without a change after which a study is complete.
        keep_free_mb: free space on the output's disk below which no study starts.
        workers: number of studies at a time; 0 for as many as processor cores and memory allow.
        stop: event that ends the watch.

    Raises:
        UsageError: the output folder is inside the watched folder, or another process or batch uses it.
        BadInput: the folder cannot be listed, or the job table cannot be used.
    """
    if output.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{output} is inside the watched folder {folder}. Use an output folder outside of it.")
    stop = stop or threading.Event()
    correction, inbox = order.correction(), Inbox(folder, quiet_s)
    number = workers or affordable(order.device)
    inbox.arrived()  # refuse a folder that cannot be listed before the output folder is made
    say_rule(order)
    with opened_table(output, order, is_resumed=True) as table, terminated_as_interrupted():
        held: list[Path] = []
        is_short = False
        try:
            while not stop.is_set():
                held += [path for path in inbox.arrived() if path not in held]
                taken = [path for path in held if _fits(path, output, keep_free_mb)]
                if len(taken) < len(held) and not is_short:
                    inform(f"The disk of {output} is nearly full. New studies wait until there is space.")
                is_short = len(taken) < len(held)
                held = [path for path in held if path not in taken]
                _take(table, taken, output, order, correction, number)
                stop.wait(_POLL_S)
        except KeyboardInterrupt:
            pass
        jobs = table.jobs()
        write_summaries(jobs, output)
        inform(sentence(jobs))


def _take(table: JobTable, paths: list[Path], output: Path, order: Order, correction: Correction, workers: int) -> None:
    """Queue the studies under some paths and correct all that are queued."""
    intake = Intake(order.rule, order.across_gaps)
    for path in paths:
        for plan in intake.plans([path]):
            table.add(plan)
    waiting = table.jobs(State.QUEUED)
    if waiting:
        work_off(table, waiting, output, correction, workers)
    if waiting or paths:
        write_summaries(table.jobs(), output)


def _fits(path: Path, output: Path, keep_free_mb: int) -> bool:
    return free_bytes(output) >= _ROOM * size_of(path) + (keep_free_mb << 20)
