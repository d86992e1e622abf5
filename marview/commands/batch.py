"""Correct many studies: the verb `batch`."""

import enum
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from filelock import FileLock, Timeout
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from marview.batch.cluster import run_on_cluster
from marview.batch.intake import Intake, read_jobs
from marview.batch.job import Ending, Job, State
from marview.batch.queue import Queue, needs_attention
from marview.batch.selection import SelectionRule
from marview.batch.summary import as_csv, as_json_lines, print_table, sentence, write_summaries
from marview.batch.table import TABLE, JobTable
from marview.commands.correction import Correction
from marview.commands.metal import MaskChoice
from marview.commands.options import (
    AcrossGaps,
    Device,
    DryRun,
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
from marview.commands.options import Format as FileFormat
from marview.commands.settings import parse_settings
from marview.commands.unattended import LocalCorrector, correct_remotely, ending_of, forget_announcement
from marview.dicom.atomic import check_file
from marview.dicom.slice_folders import refuse_among_slices
from marview.errors import BadInput, MethodFailed, UsageError
from marview.export import Format
from marview.mar import discover, find_usable
from marview.terminal import are_notes_wanted, terminal
from marview.threads import cores

_LOCK = "jobs.lock"
_MEGABYTES_A_WORKER = 2500


class Report(enum.StrEnum):
    """Form of the summary of a batch."""

    TABLE = "table"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Order:
    """The correction to apply to every study.

    Attributes:
        method: identifier of the method.
        settings: parameters of the method, NAME=VALUE each.
        threshold_hu: metal is above this HU; None to find it automatically.
        margin_mm: length by which the metal mask grows (+) or shrinks (-).
        device: "auto", "cpu" or "cuda".
        format_: file format of the corrected slices: "dicom", "nifti" or "png".
        across_gaps: whether to correct series with missing slices.
        rule: rule that chooses the series of a study.
        classes: number of k-means classes; the densest is metal.
        restores_cut_off: whether to restore dark streaks that the file cut off before the method runs.
    """

    method: str
    settings: tuple[str, ...] = ()
    threshold_hu: float | None = None
    margin_mm: float = 0.0
    device: str = "auto"
    format_: str = "dicom"
    across_gaps: bool = False
    rule: SelectionRule = field(default_factory=SelectionRule)
    classes: int | None = None
    restores_cut_off: bool = True

    def correction(self) -> Correction:
        """Return the same correction for one series.

        Raises:
            UsageError: the method or a parameter is unknown.
        """
        find_usable(self.method, discover())
        return Correction(
            method=self.method,
            parameters=parse_settings(self.settings),
            choice=MaskChoice(threshold_hu=self.threshold_hu, classes=self.classes, margin_mm=self.margin_mm),
            device=self.device,
            format_=Format(self.format_),
            is_across_gaps=self.across_gaps,
            restores_cut_off=self.restores_cut_off,
            is_one_of_many=True,
        )

    def record(self) -> dict[str, Any]:
        """Return the order for the job table; options that did not exist earlier appear only if they are set."""
        known = asdict(self) | {"rule": asdict(self.rule)}
        unset = {"classes": None, "restores_cut_off": True}
        return {name: value for name, value in known.items() if name not in unset or value != unset[name]}


def batch(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="INPUT...", help="Any number of folders, zips, DICOMDIRs and files.")
    ] = None,
    method: Method = "nmar",
    output: JobFolder = Path("corrected"),
    jobs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help='Further inputs: JSON lines {"input": "PATH"}. Repeat for several.'),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the job table in DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Queue failed studies again.")] = False,
    dry_run: DryRun = False,
    workers: Workers = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler instead of this machine.")
    ] = "",
    prefer: Annotated[
        str, typer.Option(metavar="A,B", help="Series of a study to prefer: thin, soft, many, in this order.")
    ] = "thin,soft,many",
    description: Annotated[
        str, typer.Option(metavar="PATTERN", help="Only series whose description contains this regular expression.")
    ] = "",
    derived: Annotated[bool, typer.Option("--derived", help="Use derived series, too.")] = False,
    threshold: Threshold = None,
    kmeans: KMeans = None,
    margin: Margin = 0.0,
    settings: Settings = None,
    device: RunDevice = Device.AUTO,
    format_: SavedFormat = FileFormat.DICOM,
    across_gaps: AcrossGaps = False,
    restore: Restore = True,
    report: Annotated[Report, typer.Option(help="Form of the summary.")] = Report.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --report jsonl.")] = False,
) -> int:
    """Correct every study with metal under the inputs, unattended.

    The folder gets the results, the job table and the summaries. The exit code is 0 only if no study failed.

    Raises:
        UsageError: no input, an unknown method, or an output folder of another batch, with other files, or inside a
            study.
        BadInput: an input does not exist, or the job table cannot be used.
    """
    if not inputs and not jobs:
        raise UsageError("batch needs an INPUT or --jobs FILE.")
    order = Order(
        method=method,
        settings=tuple(settings or ()),
        threshold_hu=threshold,
        margin_mm=margin,
        device=device.value,
        format_=format_.value,
        across_gaps=across_gaps,
        rule=SelectionRule(tuple(prefer.split(",")), description, derived),
        classes=kmeans,
        restores_cut_off=restore,
    )
    form = Report.JSONL if as_json else report
    correction = order.correction()
    paths = [*(inputs or ()), *(path for each in jobs or () for path in read_jobs(each))]
    intake = Intake(order.rule, order.across_gaps)
    say_rule(order)
    if dry_run:
        return _print_plans(intake, paths, form)
    for path in paths:
        refuse_among_slices(output, path)
    with opened_table(output, order, is_resumed=resume) as table:
        if retry_failed:
            table.retry_failed()
        for plan in intake.plans(paths):
            table.add(plan)
        _tell_passed_over(intake)
        waiting = table.jobs(State.QUEUED)
        try:
            work_off(table, waiting, output, correction, workers or affordable(order.device), scheduler)
        finally:
            all_jobs = table.jobs()
            write_summaries(all_jobs, output)
        _print_report(all_jobs, form)
        return MethodFailed.exit_code if needs_attention(all_jobs) else 0


def say_rule(order: Order) -> None:
    """Print how the series of a study is chosen."""
    inform(order.rule.words)


def inform(sentence: str) -> None:
    """Print a sentence about the batch on standard error, unless the user asked for quiet."""
    if are_notes_wanted():
        print(sentence, file=sys.stderr, flush=True)


@contextmanager
def opened_table(output: Path, order: Order, *, is_resumed: bool) -> Iterator[JobTable]:
    """Open the job table of an output folder for this process alone."""
    there = (output / TABLE).exists()
    if there and not is_resumed:
        raise UsageError(f"{output} already holds a job table. Add --resume to continue it, or use another folder.")
    if not there and output.exists() and any(path.name != _LOCK for path in output.iterdir()):
        raise UsageError(f"{output} is not empty. Use a new or empty folder.")
    check_file(output / TABLE)
    is_new = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / _LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise UsageError(f"Another process is using {output}. Wait until it ends, or use another folder.") from None
    except OSError as why:
        raise BadInput(f"{output} cannot be written: {(why.strerror or 'unknown reason').lower()}.") from None
    try:
        with _made(output, is_new=is_new) as table:
            table.order(order.record())
            table.recover(lambda job: ending_of(output / job.folder))
            for job in table.jobs():
                forget_announcement(output / job.folder)
            yield table
    finally:
        lock.release()


@contextmanager
def _made(output: Path, *, is_new: bool) -> Iterator[JobTable]:
    """The job table of an output folder; where it cannot be made in a new one, nothing of the folder is left."""
    try:
        table = JobTable(output / TABLE)
    except BadInput:
        if is_new:
            shutil.rmtree(output, ignore_errors=True)
        raise
    with table:
        yield table


def work_off(
    table: JobTable, jobs: Sequence[Job], output: Path, correction: Correction, workers: int, scheduler: str = ""
) -> None:
    """Correct jobs, with a progress bar on a terminal and one line per study elsewhere.

    Args:
        table: job table, which records every change.
        jobs: queued jobs of the table.
        output: folder of the results.
        correction: the correction to apply to every study.
        workers: number of studies to correct at a time on this machine.
        scheduler: address of a Dask scheduler whose workers correct the studies instead.

    Raises:
        BadInput: the scheduler does not answer.
    """
    console = terminal(is_error=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)
    task = bar.add_task("studies", total=len(jobs))
    number = max(1, min(workers, len(jobs)))

    def tell(job: Job, ending: Ending) -> None:
        forget_announcement(output / job.folder)
        bar.advance(task)
        why = f": {ending.reason}" if ending.reason else ""
        changed = f", {ending.corrected} slices in {ending.seconds:.1f} s" if ending.state is State.DONE else ""
        line = f"study {job.number} {ending.state.value}{changed}{why}"
        if not are_notes_wanted():
            return
        if console.is_terminal:
            bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    with ExitStack() as stack:
        if console.is_terminal and are_notes_wanted():
            stack.enter_context(bar)
        stack.enter_context(terminated_as_interrupted())
        if scheduler:
            run_on_cluster(table, jobs, scheduler, partial(correct_remotely, output.resolve(), correction), tell)
        else:
            corrector = stack.enter_context(LocalCorrector(output, correction, number, table.advance))
            Queue(table, corrector.correct, number, on_end=tell).run(jobs)


def affordable(device: str) -> int:
    """Return the number of studies to correct at a time: one on a GPU, or else what cores and memory allow."""
    if device == "cuda":
        return 1
    memory = 0
    if sys.platform != "win32":
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    by_memory = memory // _MEGABYTES_A_WORKER if memory else 1
    return max(1, min(cores(), by_memory))


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that a service manager leaves no half-written result."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_plans(intake: Intake, paths: Sequence[Path], report: Report) -> int:
    plans = list(intake.plans(paths))
    jobs = [
        Job(number, plan.key, plan.source, plan.series, plan.slices, plan.state, plan.reason)
        for number, plan in enumerate(plans, 1)
    ]
    _tell_passed_over(intake)
    _print_report(jobs, report)
    return MethodFailed.exit_code if needs_attention(jobs) else 0


def _print_report(jobs: Sequence[Job], report: Report) -> None:
    if report is Report.TABLE:
        print_table(jobs, terminal())
        return
    sys.stdout.write(as_csv(jobs) if report is Report.CSV else as_json_lines(jobs))
    inform(sentence(jobs))


def _tell_passed_over(intake: Intake) -> None:
    passed: Mapping[str, Any] = intake.passed_over
    if passed:
        words = ", ".join(f"{number} {reason}" for reason, number in sorted(passed.items()))
        inform(f"Skipped: {words}.")
