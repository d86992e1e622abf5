"""Correct studies as they arrive: the command `watch`."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from marview.batch.intake import refuse_absent
from marview.batch.job import State
from marview.batch.summary import sentence, write_summaries
from marview.batch.table import JobTable
from marview.batch.watching import Inbox, free_bytes, size_of
from marview.commands.correction import Correction, refuse_method
from marview.commands.job_folder import add_studies, inform, opened_table, say_rule
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
from marview.commands.order import Order
from marview.commands.run_jobs import affordable, terminated_as_interrupted, work_off
from marview.errors import BadInput, UsageError

_POLL_S = 2.0
_ROOM = 3
"""Disk space that a study needs, as a multiple of its size, for the result, its part file and a reserve."""


def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder in which studies arrive, each as a subfolder or file.")
    ],
    output: JobFolder,
    method: Method = "nmar",
    quiet_s: Annotated[
        float,
        typer.Option(
            "--settle",
            metavar="S",
            min=0,
            help="Treat a study as complete after this number of seconds without a change.",
        ),
    ] = 60.0,
    keep_free: Annotated[
        int,
        typer.Option(
            metavar="MB",
            min=0,
            help="Do not start a new study while the disk that contains DIR has less free space than this.",
        ),
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

    The results, the job table and the summaries are written to the output folder; if a job table already
    exists, the new studies are added to it.

    Raises:
        UsageError: the method, a parameter or the device is unknown, or the output folder is inside the watched
            folder or used by another process or batch.
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
        output: folder for the results, the job table and the summaries; new studies are added to an
            existing job table.
        order: the correction to apply to every study.
        quiet_s: time without changes, in seconds, after which a study counts as complete.
        keep_free_mb: minimum free space on the output disk, in MB; below this limit, marview does not
            start another study.
        workers: number of studies to correct at the same time; 0 for as many as processor cores and memory allow.
        stop: event that stops watching.

    Raises:
        UsageError: the method, a parameter or the device is unknown, or the output folder is inside the watched
            folder or used by another process or batch.
        BadInput: the folder cannot be listed, or the job table cannot be used.
    """
    if output.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{output} is inside the watched folder {folder.resolve()}. Use an output folder outside it.")
    stop = stop or threading.Event()
    correction, inbox = order.correction(), Inbox(folder, quiet_s)
    refuse_method(correction)
    number = workers or affordable(correction)
    inbox.arrived()  # refuse a folder that cannot be listed before the output folder is made
    say_rule(order)
    with opened_table(output, order, is_resumed=True) as table, terminated_as_interrupted():
        watch = _Watch(table, inbox, output, order, correction, number, keep_free_mb)
        try:
            while not stop.is_set():
                watch.look()
                stop.wait(_POLL_S)
        except KeyboardInterrupt:
            pass
        jobs = table.jobs()
        write_summaries(jobs, output)
        inform(sentence(jobs))


@dataclass
class _Watch:
    """A watched folder and the job table of its studies.

    Attributes:
        held: complete arrivals that wait for disk space.
        trouble: last printed reason why studies wait; empty if none is waiting.
    """

    table: JobTable
    inbox: Inbox
    output: Path
    order: Order
    correction: Correction
    workers: int
    keep_free_mb: int
    held: list[Path] = field(default_factory=list)
    trouble: str = ""

    def look(self) -> None:
        """Add the studies that are complete now, and correct queued studies as far as disk space allows."""
        trouble = ""
        try:
            self.held += [path for path in self.inbox.arrived() if path not in self.held]
        except BadInput as why:
            trouble = f"{why} marview keeps trying to read the folder."  # a network drive may come back
        fitting = self._fitting(self.held)
        self.held = [path for path in self.held if path not in fitting]
        for path in fitting:
            self._add(path)
        queued = self.table.jobs(State.QUEUED)
        sources = self._fitting([job.source for job in queued])
        jobs = [job for job in queued if job.source in sources]
        if self.held or len(jobs) < len(queued):
            trouble = f"The disk that contains {self.output} is nearly full. New studies wait until there is space."
        if trouble and trouble != self.trouble:
            inform(trouble)
        self.trouble = trouble
        if jobs:
            work_off(self.table, jobs, self.output, self.correction, self.workers)
        if jobs or fitting:
            write_summaries(self.table.jobs(), self.output)

    def _add(self, path: Path) -> None:
        try:
            refuse_absent(path)
        except BadInput as why:
            inform(str(why))  # the study was moved away after it arrived
            return
        add_studies(self.table, self.order.intake(), [path])

    def _fitting(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths whose results together fit on the disk."""
        room, fitting = free_bytes(self.output) - (self.keep_free_mb << 20), []
        for path in paths:
            needed = _ROOM * size_of(path)
            if needed <= room:
                room -= needed
                fitting.append(path)
        return fitting
