"""Laws of the worker that starts on first use."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from marview.errors import UsageError
from marview.session.worker_on_demand import WorkerOnDemand


class Made:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_threads_that_ask_at_once_get_one_worker() -> None:
    made = []

    def make() -> Made:
        time.sleep(0.05)  # long enough for every thread to ask
        made.append(Made())
        return made[-1]

    worker = WorkerOnDemand(make)  # type: ignore[arg-type]  # a worker without a process
    together = threading.Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return worker()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))

    assert len(made) == 1
    assert answers == made * 8
    worker.close()
    assert made[0].is_closed


def test_no_worker_starts_after_the_end() -> None:
    worker = WorkerOnDemand(Made)  # type: ignore[arg-type]  # a worker without a process
    worker.close()

    with pytest.raises(UsageError, match="closed"):
        worker()
