"""Measure training steps of the near-hip network and NMAR slices while other programs keep the machine busy.

    python -m benchmarks.busy [--busy 0 6] [--seconds 30] [--repeats 2]

Two ways of waiting are compared in turn: with `spin`, the process uses all cores, and OpenMP's threads spin while they
wait, which is PyTorch's default; with `marview`, it uses the cores that are free at its start, and its threads sleep
while they wait. Each measurement and each busy program is a separate process. Other programs on the machine also have
an effect, so each row gives the load and the fraction of a core that the process got. `core s` hardly depends on the
load if no thread spins. A row with 0 pieces finished no piece in the given time.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from marview.evaluation.tables import markdown_table
from marview.threads import cores, settle_threads, wait_passively

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("spin", "marview")
WORKS = {"near_hip": "near_hip, steps", "nmar": "NMAR, slices"}
_BUSY = "while True: pass"
_GRACE = 4
"""Factor on the given time after which a measurement ends without a result."""


@dataclass
class Measured:
    """Work that a process has done.

    Attributes:
        threads: number of threads.
        pieces: number of finished steps or slices.
        wall_s: wall time.
        core_s: CPU time, including spinning.
    """

    threads: int
    pieces: int = 0
    wall_s: float = 0.0
    core_s: float = 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", nargs="+", type=int, default=[0, 6], help="programs that compute at the same time")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        work, way = asked.one
        measure_here(work, way, asked.seconds)
        return
    header = ["work", "busy programs", "load", "waits", "threads", "pieces", "s a piece", "core s a piece", "cores got"]
    print(f"{cores()} cores")
    rows = []
    for work in asked.work:
        for busy in asked.busy:
            for _ in range(asked.repeats):
                for way in WAYS:
                    load, got = measure(work, way, busy, asked.seconds)
                    done = max(1, got.pieces)
                    row = [WORKS[work], str(busy), f"{load:.1f}", way, str(got.threads), str(got.pieces)]
                    row += [f"{got.wall_s / done:.2f}", f"{got.core_s / done:.2f}", f"{got.core_s / got.wall_s:.2f}"]
                    rows.append(row)
                    print(", ".join(row), file=sys.stderr, flush=True)
    print(markdown_table(header, rows))


def measure(work: str, way: str, busy: int, seconds: float) -> tuple[float, Measured]:
    """Return the load at the end, and the work of a process while busy programs run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MARVIEW_"))}
    if way == "marview":
        wait_passively(environment)
    programs = [subprocess.Popen([sys.executable, "-c", _BUSY], start_new_session=True) for _ in range(busy)]
    try:
        time.sleep(1)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.busy", "--one", work, way, "--seconds", str(seconds)],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return os.getloadavg()[0], Measured(**json.loads(done.stdout.splitlines()[-1]))
    finally:
        for program in programs:
            program.kill()
            program.wait()


def measure_here(work: str, way: str, seconds: float) -> None:
    """Work in this process for some seconds, and print the result."""
    threads = settle_threads() if way == "marview" else cores()
    os.environ["MARVIEW_THREADS"] = str(threads)
    import torch

    from benchmarks.inference import SilentJob, made_case
    from marview.methods.api import Cancelled
    from marview.worker.loading import load_method

    torch.set_num_threads(threads)
    measured = Measured(threads)
    began = [time.perf_counter(), time.process_time()]

    def count(pieces: int) -> None:
        measured.pieces = pieces
        measured.wall_s, measured.core_s = time.perf_counter() - began[0], time.process_time() - began[1]

    class CountingJob(SilentJob):
        """Job that counts training steps and cancels the run when the time is up."""

        def learning(self, fraction: float, text: str = "") -> None:  # noqa: ARG002
            if text.startswith("step 1 "):
                began[:] = time.perf_counter(), time.process_time()
            if text.startswith("step "):
                count(int(text.split()[1]) - 1)

        def check_cancelled(self) -> None:
            passed = time.perf_counter() - began[0]
            if passed > (seconds if measured.pieces else _GRACE * seconds):
                count(measured.pieces)
                raise Cancelled

    loaded = load_method(ROOT / "plugins" / work)
    case = made_case(8 if work == "near_hip" else 1, "cpu")
    job = CountingJob(loaded, case)
    if work == "near_hip":
        try:
            loaded.method.run(case, loaded.parameters({"steps": 100_000, "minutes": 600}), job)
        except Cancelled:
            print(json.dumps(asdict(measured)))
        return
    loaded.method.run(replace(case), loaded.parameters({}), SilentJob(loaded, case))  # compiles the kernels
    began[:] = time.perf_counter(), time.process_time()
    while time.perf_counter() - began[0] < seconds:
        loaded.method.run(replace(case), loaded.parameters({}), SilentJob(loaded, case))
        count(measured.pieces + 1)
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
