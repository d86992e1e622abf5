"""Run the jobs in a job table on the workers of a Dask cluster (needs the extra `cluster`)."""

from collections.abc import Callable, Sequence
from typing import Any

from marview.batch.job import Ending, Job, State
from marview.batch.table import JobTable
from marview.errors import BadInput, UsageError

_ANSWER_S = 20


def run_on_cluster(
    table: JobTable,
    jobs: Sequence[Job],
    address: str,
    correct: Callable[[Job], Ending],
    on_end: Callable[[Job, Ending], None],
) -> None:
    """Run jobs on a cluster, record every change in the job table, and return when all jobs have ended.

    If a worker dies, the scheduler assigns its study to another worker. If more workers die while correcting
    the same study than the scheduler allows (`distributed.scheduler.allowed-failures`, 3 by default), that
    study is marked as failed. If the connection to the scheduler is lost or the user presses Ctrl-C,
    unfinished jobs are queued again.

    Args:
        table: job table.
        jobs: queued jobs of the table.
        address: address of the scheduler, such as `tcp://10.0.0.1:8786`. The workers must be able to access
            the sources and results under the same paths.
        correct: function that corrects one study in a worker.
        on_end: called with every finished job.

    Raises:
        UsageError: Dask is not installed.
        BadInput: the scheduler does not respond, or the connection to it is lost.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError("--scheduler needs Dask. Install it with: pip install 'marview[cluster]'") from None
    dask: Any = distributed  # has no type hints
    try:
        client: Any = dask.Client(address, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as why:
        raise BadInput(
            f"The Dask scheduler {address} does not respond ({why}). Start it, or correct the address."
        ) from None
    waiting: dict[Any, Job] = {}
    try:
        for job in jobs:
            table.start(job)
            waiting[client.submit(correct, job, key=f"marview-{job.key}", pure=False)] = job
        for future in dask.as_completed(list(waiting), loop=client.loop):
            if future.cancelled():  # the scheduler is lost
                raise BadInput(
                    f"The connection to the Dask scheduler {address} was lost. Start the scheduler again "
                    f"and repeat the command with --resume."
                )
            job, ending = waiting.pop(future), _ending(future)
            table.finish(job, ending)
            on_end(job, ending)
    finally:
        for job in waiting.values():
            table.requeue(job)
        client.close()


def _ending(future: Any) -> Ending:
    bug = future.exception()
    if bug is None:
        ending: Ending = future.result()
        return ending
    return Ending(State.FAILED, f"No worker in the cluster finished this study ({type(bug).__name__}).")
