"""Measure the cost per study of unattended correction: python -m benchmarks.throughput FOLDER [--studies 20].

The table compares `reduce` in a loop, `batch` with one worker and with as many workers as memory allows, and a Dask
cluster on this machine with one and two workers. It has the seconds and CPU seconds per study, and the peak memory of a
worker and its children. The benchmark runs on Linux only and needs the extra `cluster`.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.ward import make_ward
from marview.batch.job import State
from marview.batch.table import JobTable
from marview.commands.correction import Correction
from marview.commands.run_jobs import affordable


class Cost(NamedTuple):
    """Cost per study, and peak memory."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the studies")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument(
        "--loop", type=int, default=20, help="number of studies for `reduce`, whose cost is the same each time"
    )
    parser.add_argument("--method", default="nmar")
    arguments = parser.parse_args()
    studies = sorted(make_ward(arguments.folder).glob("metal-*"))[: arguments.studies]
    method = ("--method", arguments.method)
    print(f"{len(studies)} studies, {arguments.method}; load {os.getloadavg()[0]:.1f}")
    print(f"{'':24}{'s/study':>9}{'faster':>8}{'CPU s/study':>13}{'less':>6}{'MB':>7}")

    with tempfile.TemporaryDirectory(prefix="marview-throughput-") as scratch:
        out = Path(scratch)

        def loop() -> None:
            for position, study in enumerate(studies[: arguments.loop]):
                _marview("reduce", study, *method, "--output", out / "loop" / str(position))

        def batch(name: str, *words: object) -> None:
            _marview("batch", *studies, *method, "--output", out / name, *words)
            _check(out / name, len(studies))

        first = _measured(loop, min(arguments.loop, len(studies)))
        _tell("reduce, in a loop", first, first)
        for workers in sorted({1, affordable(Correction(arguments.method, device="cpu"))}):
            cost = _measured(partial(batch, f"batch{workers}", "--workers", workers), len(studies))
            _tell(f"batch, workers: {workers}", cost, first)
        for workers in (1, 2):
            with _cluster(out / f"cluster{workers}", workers) as (address, pids):
                cost = _measured(partial(batch, f"dask{workers}", "--scheduler", address), len(studies), pids)
            _tell(f"Dask, workers: {workers}", cost, first)


def _tell(name: str, cost: Cost, first: Cost) -> None:
    times = f"{cost.seconds:9.2f}{first.seconds / cost.seconds:8.1f}"
    cpu = f"{cost.cpu_seconds:13.2f}{first.cpu_seconds / cost.cpu_seconds:6.1f}"
    print(f"{name:24}{times}{cpu}{cost.megabytes:7.0f}", flush=True)


def _measured(work: Callable[[], None], studies: int, pids: Sequence[int] = ()) -> Cost:
    """Run `work` and measure the cost per study. Memory counts the largest process in `pids`, or all children."""
    psutil = import_module("psutil")  # installed with Dask
    largest, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(1.0):
            held = [_memory_mb(psutil, pid) for pid in pids] or [_memory_mb(psutil, os.getpid(), is_root=False)]
            largest[0] = max(largest[0], *held)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    cpu, begun = _cpu_seconds(psutil, pids), time.monotonic()
    work()
    seconds, cpu = time.monotonic() - begun, _cpu_seconds(psutil, pids) - cpu
    done.set()
    thread.join()
    return Cost(seconds / studies, cpu / studies, largest[0])


def _memory_mb(psutil: Any, pid: int, *, is_root: bool = True) -> float:
    """Return the proportional set size (PSS) of a process's descendants and, if `is_root`, of the process itself."""
    found = 0.0
    for process in _family(psutil, pid):
        if process.pid != pid or is_root:
            try:
                lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
            except OSError:
                continue
            found += sum(int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:"))
    return found


def _cpu_seconds(psutil: Any, pids: Sequence[int]) -> float:
    """Return the CPU time of ended children, and of running processes with their descendants."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = [process.cpu_times() for pid in pids for process in _family(psutil, pid)]
    return used.ru_utime + used.ru_stime + sum(sum(times[:4]) for times in alive)


def _family(psutil: Any, pid: int) -> list[Any]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """Start a Dask scheduler and workers on the loopback interface; yield its address and the processes."""
    distributed: Any = import_module("distributed")  # the module has no type hints
    folder.mkdir(parents=True)
    port_file = folder / "scheduler.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(port_file))
    alone = ("--nthreads", "1", "--nworkers", "1", "--no-nanny", "--local-directory")

    def start(kind: str, *words: str) -> "subprocess.Popen[bytes]":
        program = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *local, *words]
        return subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    started = [start("scheduler", "--port", "0")]
    try:
        while not port_file.exists():
            time.sleep(0.1)
        started += [start("worker", *alone, str(folder / f"worker{n}")) for n in range(workers)]
        address = str(json.loads(port_file.read_text(encoding="utf-8"))["address"])
        client = distributed.Client(address, set_as_default=False)
        client.wait_for_workers(workers, timeout=300)
        client.close()
        yield address, [process.pid for process in started[1:]]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _marview(*words: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "marview", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr}")


def _check(output: Path, number: int) -> None:
    with JobTable(output / "jobs.sqlite") as table:
        states = [job.state for job in table.jobs()]
    if states != [State.DONE] * number:
        sys.exit(f"{output}: {states}")


if __name__ == "__main__":
    main()
