"""Correct the queued studies of a job table, on this machine or on a cluster."""

import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from marview.batch.cluster import run_on_cluster
from marview.batch.job import Ending, Job
from marview.batch.queue import Queue
from marview.batch.summary import line
from marview.batch.table import JobTable
from marview.commands.correction import Correction
from marview.commands.unattended import LocalCorrector, correct_remotely, forget_announcement
from marview.mar import MarWorker, discover, find_usable
from marview.memory import usable_bytes
from marview.terminal import are_notes_wanted, terminal
from marview.threads import cores

_BYTES_A_WORKER = 2500 << 20


def work_off(
    table: JobTable, jobs: Sequence[Job], output: Path, correction: Correction, workers: int, scheduler: str = ""
) -> None:
    """Run jobs, with a progress bar on a terminal and one line per study elsewhere.

    Args:
        table: job table, which records every change.
        jobs: queued jobs of the table.
        output: folder of the results.
        correction: the correction to apply to every study.
        workers: number of studies to correct at the same time on this machine.
        scheduler: address of a Dask scheduler whose workers correct the studies instead of this machine.

    Raises:
        BadInput: the scheduler does not respond.
    """
    console = terminal(is_error=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)
    task = bar.add_task("studies", total=len(jobs))
    number = max(1, min(workers, len(jobs)))

    def tell(job: Job, ending: Ending) -> None:
        forget_announcement(output / job.folder)
        bar.advance(task)
        told = line(replace(job, **vars(ending)))
        if not are_notes_wanted():
            return
        if console.is_terminal:
            bar.console.print(told, markup=False, highlight=False)
        else:
            print(told, file=sys.stderr, flush=True)

    with ExitStack() as stack:
        if console.is_terminal and are_notes_wanted():
            stack.enter_context(bar)
        stack.enter_context(terminated_as_interrupted())
        if scheduler:
            run_on_cluster(table, jobs, scheduler, partial(correct_remotely, output.resolve(), correction), tell)
        else:
            corrector = stack.enter_context(LocalCorrector(output, correction, number, table.advance))
            Queue(table, corrector.correct, number, on_end=tell).run(jobs)


def affordable(correction: Correction) -> int:
    """Return the number of studies to correct at once.

    The number is one on a GPU; otherwise, it depends on the available cores and memory.
    """
    if _runs_on_gpu(correction):
        return 1
    return max(1, min(cores(), usable_bytes() // _BYTES_A_WORKER))


def _runs_on_gpu(correction: Correction) -> bool:
    manifest = find_usable(correction.method, discover()).manifest
    if correction.device == "cpu" or (manifest is not None and manifest.device == "cpu"):
        return False
    return correction.device == "cuda" or _has_gpu()


def _has_gpu() -> bool:
    """Return whether PyTorch can use a GPU; start a worker to import PyTorch only if there is a driver."""
    if shutil.which("nvidia-smi") is None and not Path("/dev/nvidiactl").exists():
        return False
    with MarWorker() as worker:
        return any(device["name"] != "cpu" for device in worker.devices())


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that no incomplete result remains when a service manager stops marview."""
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
