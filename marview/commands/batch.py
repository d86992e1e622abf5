"""Correct many studies: the command `batch`."""

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from marview.batch.intake import Intake, no_images, read_jobs, refuse_absent, refuse_empty
from marview.batch.job import Job, State
from marview.batch.queue import needs_attention
from marview.batch.selection import SelectionRule
from marview.batch.summary import as_csv, as_json_lines, print_table, sentence, write_summaries
from marview.commands.correction import refuse_method
from marview.commands.job_folder import add_studies, check_table, inform, opened_table, say_rule
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
from marview.commands.order import Order
from marview.commands.run_jobs import affordable, work_off
from marview.dicom.slice_folders import refuse_among_slices
from marview.dicom.walk import counted
from marview.errors import BadInput, MethodFailed, UsageError
from marview.terminal import terminal


class Report(enum.StrEnum):
    """Format of the summary of a batch."""

    TABLE = "table"
    CSV = "csv"
    JSONL = "jsonl"


def batch(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="STUDY...", help="Any number of folders, zips, DICOMDIRs and files.")
    ] = None,
    method: Method = "nmar",
    output: JobFolder = Path("corrected"),
    jobs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help='File that lists further inputs, one {"input": "PATH"} per line. Can be repeated.'
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the batch in DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry failed studies.")] = False,
    dry_run: DryRun = False,
    workers: Workers = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler instead of this machine.")
    ] = "",
    prefer: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Order of preference among the series of a study: thin (thinnest slices), soft (softest kernel), "
            "many (most slices).",
        ),
    ] = "thin,soft,many",
    description: Annotated[
        str, typer.Option(metavar="PATTERN", help="Use only series whose description matches this regular expression.")
    ] = "",
    derived: Annotated[bool, typer.Option("--derived", help="Also use derived series.")] = False,
    threshold: Threshold = None,
    kmeans: KMeans = None,
    margin: Margin = 0.0,
    settings: Settings = None,
    device: RunDevice = Device.AUTO,
    format_: SavedFormat = FileFormat.DICOM,
    across_gaps: AcrossGaps = False,
    restore: Restore = True,
    report: Annotated[Report, typer.Option(help="Format of the summary.")] = Report.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --report jsonl.")] = False,
) -> int:
    """Find studies in the inputs and correct all that contain metal, without prompts.

    The results, the job table and the summaries are written to the output folder. The exit code is 0 only if
    no study failed.

    Raises:
        UsageError: a method, parameter or device is unknown, no input is given, or the output folder
            belongs to another batch, contains other files or is inside a study.
        BadInput: an input does not exist, no input contains images, or the job table cannot be used.
    """
    if not inputs and not jobs:
        raise UsageError("marview batch needs a STUDY or --jobs FILE.")
    order = Order(
        method=method,
        settings=tuple(settings or ()),
        threshold_hu=threshold,
        margin_mm=margin,
        device=device.value,
        format_=format_.value,
        across_gaps=across_gaps,
        rule=SelectionRule(tuple(word.strip() for word in prefer.split(",")), description, derived),
        classes=kmeans,
        restores_cut_off=restore,
    )
    form = Report.JSONL if as_json else report
    correction = order.correction()
    paths = [*(inputs or ()), *(path for each in jobs or () for path in read_jobs(each))]
    for path in paths:
        refuse_absent(path)
    if not resume:  # a batch that is resumed every night may find nothing new
        refuse_empty(paths, output)
    for path in paths:
        refuse_among_slices(output, path)
    refuse_method(correction, device=not scheduler)
    intake = order.intake(output)
    say_rule(order)
    if dry_run:
        check_table(output, order, is_resumed=resume)
        return _print_plans(intake, paths, form, is_resumed=resume)
    with opened_table(output, order, is_resumed=resume) as table:
        if retry_failed:
            table.retry_failed()
        add_studies(table, intake, paths)
        _tell_passed_over(intake)
        waiting = table.jobs(State.QUEUED)
        try:
            work_off(table, waiting, output, correction, workers or affordable(correction), scheduler)
        finally:
            all_jobs = table.jobs()
            write_summaries(all_jobs, output)
        if not all_jobs and not resume:
            raise BadInput(no_images(paths))
        _print_report(all_jobs, form)
        return MethodFailed.exit_code if needs_attention(all_jobs) else 0


def _print_plans(intake: Intake, paths: Sequence[Path], report: Report, *, is_resumed: bool) -> int:
    plans = list(intake.plans(paths))
    jobs = [
        Job(number, plan.key, plan.source, plan.series, plan.slices, plan.state, plan.reason)
        for number, plan in enumerate(plans, 1)
    ]
    _tell_passed_over(intake)
    if not jobs and not is_resumed:
        raise BadInput(no_images(paths))
    _print_report(jobs, report)
    return MethodFailed.exit_code if needs_attention(jobs) else 0


def _print_report(jobs: Sequence[Job], report: Report) -> None:
    if report is Report.TABLE:
        print_table(jobs, terminal())
        return
    sys.stdout.write(as_csv(jobs) if report is Report.CSV else as_json_lines(jobs))
    inform(sentence(jobs))


def _tell_passed_over(intake: Intake) -> None:
    if intake.passed_over:
        words = ", ".join(counted(reason, number) for reason, number in sorted(intake.passed_over.items()))
        inform(f"Skipped: {words}.")
