"""Correct studies as they arrive: the verb `watch`."""

import sys
import threading
from pathlib import Path

from marview.batch.intake import Intake
from marview.batch.job import State
from marview.batch.summary import sentence, write_summaries
from marview.batch.table import JobTable
from marview.batch.watching import Inbox, free_bytes, size_of
from marview.commands.batch import Order, affordable, opened_table, say_rule, terminated_as_interrupted, work_off
from marview.commands.correction import Correction
from marview.errors import UsageError

_POLL_S = 2.0
_ROOM = 3
"""A study needs this many times its size on the disk: the result, its part file and some reserve."""


def run_watch(
    folder: Path,
    output: Path,
    order: Order,
    *,
    quiet_s: float,
    keep_free_mb: int,
    workers: int = 0,
    stop: threading.Event | None = None,
) -> int:
    """Correct every study that arrives in a folder, until the program is stopped.

    Args:
        folder: studies arrive here, each as a subfolder or a file.
        output: folder of the results, of the job table and of the summaries; an earlier table is continued.
        order: what is done with every study.
        quiet_s: seconds without a change after which a study counts as complete.
        keep_free_mb: nothing new is taken while the output's disk has less free space.
        workers: studies corrected at a time; 0 for as many as processor cores and memory allow.
        stop: ends the watch; Ctrl-C and SIGTERM end it too.

    Raises:
        UsageError: the output folder lies in the watched folder, or belongs to another process or call.
        BadInput: the folder cannot be listed, or the job table cannot be used.
    """
    if output.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{output} lies in the watched folder {folder}. Name an output folder outside of it.")
    stop = stop or threading.Event()
    correction, inbox = order.correction(), Inbox(folder, quiet_s)
    number = workers or affordable(order.device)
    inbox.arrived()  # refuse a folder that cannot be listed before anything is made
    say_rule(order)
    with opened_table(output, order, is_resumed=True) as table, terminated_as_interrupted():
        held: list[Path] = []
        is_short = False
        try:
            while not stop.is_set():
                held += [path for path in inbox.arrived() if path not in held]
                taken = [path for path in held if _fits(path, output, keep_free_mb)]
                if len(taken) < len(held) and not is_short:
                    _say(f"The disk of {output} is nearly full; new studies wait until there is space.")
                is_short = len(taken) < len(held)
                held = [path for path in held if path not in taken]
                _take(table, taken, output, order, correction, number)
                stop.wait(_POLL_S)
        except KeyboardInterrupt:
            pass
        jobs = table.jobs()
        write_summaries(jobs, output)
        _say(sentence(jobs))
    return 0


def _take(table: JobTable, paths: list[Path], output: Path, order: Order, correction: Correction, workers: int) -> None:
    """Queue the studies under some paths and correct what waits."""
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


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
