"""Open the job table of a `batch` or `watch` output folder for exclusive use, and add studies to it."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from marview.batch.intake import Intake
from marview.batch.summary import line
from marview.batch.table import TABLE, JobTable
from marview.commands.order import Order
from marview.commands.unattended import ending_of, forget_announcement
from marview.dicom.atomic import check_file
from marview.errors import BadInput, UsageError
from marview.terminal import are_notes_wanted

_LOCK = "jobs.lock"


@contextmanager
def opened_table(output: Path, order: Order, *, is_resumed: bool) -> Iterator[JobTable]:
    """Open the job table of an output folder for exclusive use by this process.

    Unfinished jobs of a killed process are queued again. The arguments and errors are the same as for
    `check_table`.
    """
    _refuse_folder(output, is_resumed=is_resumed)
    is_new = not output.exists()
    with _locked(output), _made(output, is_new=is_new) as table:
        table.order(order.record())
        table.recover(lambda job: ending_of(output / job.folder))
        for job in table.jobs():
            forget_announcement(output / job.folder)
        yield table


def check_table(output: Path, order: Order, *, is_resumed: bool) -> None:
    """Check that `opened_table` would accept an output folder, without creating a folder or a table.

    Args:
        output: output folder of `batch` or `watch`.
        order: the correction to apply to every study; it must match the options of an existing job table.
        is_resumed: whether the folder may already contain a job table.

    Raises:
        UsageError: the folder contains other files, belongs to a batch with other options, or is in use.
        BadInput: the folder or its job table cannot be used.
    """
    _refuse_folder(output, is_resumed=is_resumed)
    if (output / TABLE).exists():
        with _locked(output), JobTable(output / TABLE) as table:
            table.order(order.record())


def _refuse_folder(output: Path, *, is_resumed: bool) -> None:
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file. Choose a new folder.")
    there = (output / TABLE).exists()
    if there and not is_resumed:
        raise UsageError(f"{output} already contains a job table. Add --resume to continue it, or use another folder.")
    if not there and output.exists() and any(path.name != _LOCK for path in output.iterdir()):
        raise UsageError(f"{output} is not empty. Use a new or empty folder.")
    check_file(output / TABLE)


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / _LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"Another process is using {output}. Wait until that process has ended, or use another folder."
        ) from None
    except OSError as why:
        raise BadInput(f"{output} cannot be written: {(why.strerror or 'unknown reason').lower()}.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _made(output: Path, *, is_new: bool) -> Iterator[JobTable]:
    """Open the job table of an output folder; remove a new folder if the table cannot be created there."""
    try:
        table = JobTable(output / TABLE)
    except BadInput:
        if is_new:
            shutil.rmtree(output, ignore_errors=True)
        raise
    with table:
        yield table


def add_studies(table: JobTable, intake: Intake, paths: Sequence[Path]) -> None:
    """Add a job for every study under the given paths.

    Report new studies that will not be corrected, and corrected studies whose number of slices has changed.

    Raises:
        BadInput: a path does not exist, or the job table cannot be written.
    """
    for plan in intake.plans(paths):
        is_new, job = table.add(plan), table.job(plan.key)
        if is_new and job is not None and job.state.is_final:
            inform(line(job))
        grown = table.note_growth(plan)
        if grown is not None:
            inform(f"Study {grown.number}: {grown.notes[-1]}")


def say_rule(order: Order) -> None:
    """Print how the series of a study is chosen."""
    inform(order.rule.words)


def inform(sentence: str) -> None:
    """Print a sentence about the batch on standard error, unless the user passed `--quiet`."""
    if are_notes_wanted():
        print(sentence, file=sys.stderr, flush=True)
