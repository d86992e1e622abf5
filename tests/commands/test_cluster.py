"""A batch on a local Dask cluster loses no study, even if workers die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.batch.job import State
from marview.batch.table import JobTable
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

pytest.importorskip("distributed", reason="needs the extra `cluster`")
LI = ("--method", "linear_interpolation")


def states(output: Path) -> list[State]:
    with JobTable(output / "jobs.sqlite") as table:
        return [job.state for job in table.jobs()]


def test_a_worker_that_dies_in_the_middle_loses_nothing(
    scheduler: tuple[str, list[subprocess.Popen[bytes]]], metal_hu: np.ndarray, tmp_path: Path
) -> None:
    address, workers = scheduler
    grid = Grid.from_spacing(metal_hu.shape, (3.0, 2.0, 2.0))
    for n in range(4):
        write_ct_series(metal_hu, grid, tmp_path / "in" / f"s{n}", Labels(f"P^{n}", f"P{n}", "A", "B"), seed=f"s{n}")
    output = tmp_path / "out"
    words = [sys.executable, "-m", "marview", "batch", str(tmp_path / "in"), *LI, "--output", str(output)]
    batch = subprocess.Popen([*words, "--scheduler", address], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and batch.poll() is None:
        if (output / "jobs.sqlite").exists() and State.DONE in states(output):
            os.kill(workers[0].pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    _, said = batch.communicate(timeout=240)
    assert batch.returncode == 0, said
    assert states(output) == [State.DONE] * 4
    for folder in output.glob("study-*"):
        assert len(list(folder.iterdir())) == 6


def test_a_scheduler_that_does_not_answer_is_named(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marview.batch.cluster._ANSWER_S", 1)
    answer = marview("batch", metal_series, *LI, "--output", tmp_path / "o", "--scheduler", "tcp://127.0.0.1:9")
    assert answer.exit_code == 3
    assert "127.0.0.1:9 does not respond" in answer.err
    assert states(tmp_path / "o") == [State.QUEUED]
