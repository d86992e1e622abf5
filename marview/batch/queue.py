"""Run the jobs in a job table with several workers in parallel."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from marview.batch.job import Ending, Job, State
from marview.batch.table import JobTable

Correct = Callable[[Job, threading.Event], Ending | None]
"""Function that corrects the study of a job; returns None if the event stopped it early."""


@dataclass
class Queue:
    """Queue that runs the jobs in a job table in parallel.

    Attributes:
        table: job table, which records each change before `on_start` or `on_end` is called.
        correct: function that corrects one study; it is called on one thread per worker and never raises.
        workers: number of studies to correct at the same time.
        on_end: called on the caller's thread with every finished job.
        on_start: called on the caller's thread with every started job.
    """

    table: JobTable
    correct: Correct
    workers: int = 1
    on_end: Callable[[Job, Ending], None] = lambda _job, _ending: None
    on_start: Callable[[Job], None] = lambda _: None

    def run(self, jobs: Sequence[Job], stop: threading.Event | None = None) -> None:
        """Run the jobs and return when all have ended.

        Stopped jobs are queued again. Ctrl-C stops the running jobs, and `KeyboardInterrupt` is
        re-raised.

        Args:
            jobs: queued jobs of the table.
            stop: event that another thread sets to stop the work.
        """
        stop = stop or threading.Event()
        waiting = list(reversed(jobs))
        running: dict[Future[Ending | None], Job] = {}
        starting: Job | None = None
        with ThreadPoolExecutor(self.workers, thread_name_prefix="batch") as pool:
            try:
                while (waiting and not stop.is_set()) or running:
                    while waiting and len(running) < self.workers and not stop.is_set():
                        starting = job = waiting.pop()
                        self.table.start(job)
                        self.on_start(job)
                        running[pool.submit(self.correct, job, stop)] = job
                        starting = None
                    done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._settle(running.pop(future), future)
            except BaseException:
                stop.set()
                if starting is not None and starting not in running.values():
                    self.table.requeue(starting)  # stopped after the table recorded its start, before its thread ran
                for future in list(running):
                    self._settle(running[future], future)
                raise

    def _settle(self, job: Job, future: Future[Ending | None]) -> None:
        ending = future.result()
        if ending is None:
            self.table.requeue(job)
            return
        self.table.finish(job, ending)
        self.on_end(job, ending)


def needs_attention(jobs: Sequence[Job]) -> bool:
    """Return whether any job failed."""
    return any(job.state is State.FAILED for job in jobs)
