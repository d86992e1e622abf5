"""Studies are corrected as they arrive."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from marview.batch.job import State
from marview.batch.table import JobTable

LI = ("--method", "linear_interpolation")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def states(output: Path) -> list[State]:
    if not (output / "jobs.sqlite").exists():
        return []
    with JobTable(output / "jobs.sqlite") as table:
        return [job.state for job in table.jobs()]


def test_arrivals_become_results_and_sigterm_ends_the_watch(
    metal_series: Path, plain_series: Path, tmp_path: Path
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    shutil.copytree(metal_series, inbox / "first")
    words = [sys.executable, "-m", "marview", "watch", str(inbox), *LI, "--output", str(output), "--settle", "1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        shutil.copytree(plain_series, inbox / "second")
        deadline = time.monotonic() + 200
        while (
            time.monotonic() < deadline
            and process.poll() is None
            and sorted(states(output)) != [State.DONE, State.SKIPPED]
        ):
            time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "1 done, 1 skipped" in said
    (folder,) = output.glob("study-*")
    assert len(list(folder.iterdir())) == 6


def test_nothing_is_taken_while_the_disk_is_nearly_full(
    metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from threading import Event

    from marview.commands import watch
    from marview.commands.batch import Order

    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(metal_series, inbox / "first")
    looks = 0

    class Stop(Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal looks
            looks += 1
            if looks == 4:
                self.set()
            return self.is_set()

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**6))
    order = Order(method="linear_interpolation")
    watch.watch_folder(inbox, output, order, quiet_s=0, keep_free_mb=500, stop=Stop())
    assert states(output) == []
    assert capsys.readouterr().err.count("nearly full") == 1


def test_an_output_inside_the_watched_folder_is_refused(marview: Callable, tmp_path: Path) -> None:
    answer = marview("watch", tmp_path, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 2
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.iterdir())
