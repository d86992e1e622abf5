"""Correct many studies: the verb `batch`."""

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
from typing import Any

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
from marview.commands.settings import parse_settings
from marview.commands.unattended import LocalCorrector, correct_remotely, ending_of, forget_announcement
from marview.dicom.atomic import check_file
from marview.dicom.slice_folders import refuse_among_slices
from marview.errors import BadInput, MethodFailed, UsageError
from marview.export import Format
from marview.mar import discover, find_usable
from marview.terminal import terminal
from marview.threads import cores

_LOCK = "jobs.lock"
_MEGABYTES_A_WORKER = 2500


@dataclass(frozen=True)
class Order:
    """What is done with every study.

    Attributes:
        method: identifier.
        settings: parameters of the method, NAME=VALUE each.
        threshold_hu: metal is denser; found automatically where None.
        margin_mm: grows (+) or shrinks (-) the metal mask.
        device: "auto", "cpu" or "cuda".
        format_: of the corrected slices: "dicom", "nifti" or "png".
        across_gaps: correct series with missing slices too.
        rule: which series of a study is corrected.
    """

    method: str
    settings: tuple[str, ...] = ()
    threshold_hu: float | None = None
    margin_mm: float = 0.0
    device: str = "auto"
    format_: str = "dicom"
    across_gaps: bool = False
    rule: SelectionRule = field(default_factory=SelectionRule)

    def correction(self) -> Correction:
        """The same for one series.

        Raises:
            UsageError: the method or a parameter is unknown.
        """
        find_usable(self.method, discover())
        return Correction(
            method=self.method,
            parameters=parse_settings(self.settings),
            choice=MaskChoice(threshold_hu=self.threshold_hu, margin_mm=self.margin_mm),
            device=self.device,
            format_=Format(self.format_),
            is_across_gaps=self.across_gaps,
        )


def run_batch(
    inputs: Sequence[Path],
    output: Path,
    order: Order,
    *,
    lists: Sequence[Path] = (),
    workers: int = 0,
    scheduler: str = "",
    is_resumed: bool = False,
    retries_failed: bool = False,
    is_dry: bool = False,
    report: str = "table",
) -> int:
    """Correct every study under the inputs; returns the exit code, 0 only where nothing failed.

    Args:
        inputs: folders, zips, DICOMDIRs and files.
        output: folder of the results, of the job table and of the summaries.
        order: what is done with every study.
        lists: JSON-lines files that name further inputs.
        workers: studies corrected at a time; 0 for as many as processor cores and memory allow.
        scheduler: address of a Dask scheduler, to use its workers instead of this machine.
        is_resumed: go on with the job table that the output folder holds.
        retries_failed: queue failed studies again.
        is_dry: print what would be done, and write nothing.
        report: "table", "csv" or "jsonl", for standard output.

    Raises:
        UsageError: the output folder belongs to another call, holds something else or lies among slices; an unknown
            method.
        BadInput: an input is not there, or the job table cannot be used.
    """
    correction = order.correction()
    paths = [*inputs, *(path for each in lists for path in read_jobs(each))]
    intake = Intake(order.rule, order.across_gaps)
    say_rule(order)
    if is_dry:
        return _print_plans(intake, paths, report)
    for path in paths:
        refuse_among_slices(output, path)
    with opened_table(output, order, is_resumed=is_resumed) as table:
        if retries_failed:
            table.retry_failed()
        for plan in intake.plans(paths):
            table.add(plan)
        _tell_passed_over(intake)
        waiting = table.jobs(State.QUEUED)
        try:
            work_off(table, waiting, output, correction, workers or affordable(order.device), scheduler)
        finally:
            jobs = table.jobs()
            write_summaries(jobs, output)
        _print_report(jobs, report)
        return MethodFailed.exit_code if needs_attention(jobs) else 0


def say_rule(order: Order) -> None:
    """Print how the series of a study is chosen."""
    print(order.rule.words, file=sys.stderr)


@contextmanager
def opened_table(output: Path, order: Order, *, is_resumed: bool) -> Iterator[JobTable]:
    """The job table of an output folder, for this process alone."""
    there = (output / TABLE).exists()
    if there and not is_resumed:
        raise UsageError(f"{output} holds a job table already. Say --resume to go on with it, or name another folder.")
    if not there and output.exists() and any(path.name != _LOCK for path in output.iterdir()):
        raise UsageError(f"{output} holds something already. Name a folder that is not there yet, or an empty one.")
    check_file(output / TABLE)
    is_new = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / _LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise UsageError(f"Another process is working on {output}. Wait for its end, or name another folder.") from None
    except OSError as why:
        raise BadInput(f"{output} cannot be written: {(why.strerror or 'unknown reason').lower()}.") from None
    try:
        with _made(output, is_new=is_new) as table:
            table.order(asdict(order) | {"rule": asdict(order.rule)})
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
    """Correct the jobs under a progress bar on a terminal, or with a line a study elsewhere.

    Args:
        table: hears of every change.
        jobs: jobs of the table that wait.
        output: folder of the results.
        correction: what is done with every study.
        workers: studies corrected at a time on this machine.
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
        if console.is_terminal:
            bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    with ExitStack() as stack:
        if console.is_terminal:
            stack.enter_context(bar)
        stack.enter_context(terminated_as_interrupted())
        if scheduler:
            run_on_cluster(table, jobs, scheduler, partial(correct_remotely, output.resolve(), correction), tell)
        else:
            corrector = stack.enter_context(LocalCorrector(output, correction, number))
            Queue(table, corrector.correct, number, on_end=tell).run(jobs)


def affordable(device: str) -> int:
    """How many studies can be corrected at a time: one where a GPU is asked for, else by cores and memory."""
    if device == "cuda":
        return 1
    memory = 0
    if sys.platform != "win32":
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    by_memory = memory // _MEGABYTES_A_WORKER if memory else 1
    return max(1, min(cores(), by_memory))


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that a service manager leaves nothing half done."""
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


def _print_plans(intake: Intake, paths: Sequence[Path], report: str) -> int:
    plans = list(intake.plans(paths))
    jobs = [
        Job(number, plan.key, plan.source, plan.series, plan.slices, plan.state, plan.reason)
        for number, plan in enumerate(plans, 1)
    ]
    _tell_passed_over(intake)
    _print_report(jobs, report)
    return MethodFailed.exit_code if needs_attention(jobs) else 0


def _print_report(jobs: Sequence[Job], report: str) -> None:
    if report == "table":
        print_table(jobs, terminal())
        return
    sys.stdout.write(as_csv(jobs) if report == "csv" else as_json_lines(jobs))
    print(sentence(jobs), file=sys.stderr)


def _tell_passed_over(intake: Intake) -> None:
    passed: Mapping[str, Any] = intake.passed_over
    if passed:
        words = ", ".join(f"{number} {reason}" for reason, number in sorted(passed.items()))
        print(f"Passed over: {words}.", file=sys.stderr)
