"""Studies are corrected as they arrive."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest

from marview.batch.job import State
from marview.batch.table import JobTable
from marview.batch.watching import size_of
from marview.commands import watch
from marview.commands.order import Order
from marview.commands.watch import watch_folder

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


LI_ORDER = Order(method="linear_interpolation")


class Looks(Event):
    """A stop event that ends the watch after a number of looks; before each next look, `between` is called."""

    def __init__(self, number: int, between: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self._number, self._done, self._between = number, 0, between

    def wait(self, timeout: float | None = None) -> bool:
        self._done += 1
        self._between(self._done)
        if self._done == self._number:
            self.set()
        return self.is_set()


def test_nothing_is_corrected_while_the_disk_is_nearly_full(
    metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(metal_series, inbox / "first")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**6))
    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=500, stop=Looks(4))
    assert states(output) == []
    assert capsys.readouterr().err.count("nearly full") == 1


def test_studies_that_fit_on_the_disk_only_one_by_one_are_corrected_one_by_one(
    metal_series: Path, plain_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(metal_series, inbox / "first")
    shutil.copytree(plain_series, inbox / "second")
    free = 5 * size_of(inbox / "first")  # room for one study
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - free, free))
    monkeypatch.setattr(watch, "work_off", lambda *_: None)
    known: list[int] = []
    looks = Looks(2, lambda _: known.append(len(states(output))))
    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=looks)
    assert known == [1, 2]


def test_queued_studies_wait_for_disk_space_after_a_restart(
    plain_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(plain_series, inbox / "first")
    with monkeypatch.context() as patch:
        patch.setattr(watch, "work_off", lambda *_: None)
        watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(2))
    assert states(output) == [State.QUEUED]
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**6))
        watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=500, stop=Looks(2))
    assert states(output) == [State.QUEUED]
    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(2))
    assert states(output) == [State.SKIPPED]


def test_a_watched_folder_that_is_away_for_a_while_does_not_end_the_watch(
    plain_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, away, output = tmp_path / "in", tmp_path / "away", tmp_path / "out"
    shutil.copytree(plain_series, inbox / "first")

    def unplug(looks: int) -> None:
        if looks == 1:
            inbox.rename(away)
        if looks == 3:
            away.rename(inbox)

    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(6, unplug))
    assert states(output) == [State.SKIPPED]
    assert capsys.readouterr().err.count("cannot be watched") == 1


def test_an_arrival_that_is_moved_away_while_it_waits_does_not_end_the_watch(
    plain_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(plain_series, inbox / "first")
    shutil.copytree(plain_series, inbox / "second")
    free = [10**5]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - free[0], free[0]))

    def move(looks: int) -> None:
        if looks == 2:
            (inbox / "first").rename(tmp_path / "elsewhere")
            free[0] = 10**9

    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(4, move))
    assert states(output) == [State.SKIPPED]
    assert "does not exist" in capsys.readouterr().err


def test_a_study_that_its_files_exclude_has_a_line_in_the_log_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    (inbox / "cut").mkdir(parents=True)
    (inbox / "cut" / "1.dcm").write_bytes(b"")

    def touch(looks: int) -> None:
        os.utime(inbox / "cut" / "1.dcm", (looks, looks))

    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(5, touch))
    assert capsys.readouterr().err.count("study 1 failed: 1.dcm is an empty file") == 1


def test_slices_that_arrive_after_the_correction_give_a_message(
    metal_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(metal_series, inbox / "first")
    *_, last = sorted((inbox / "first").iterdir())
    last.rename(tmp_path / last.name)

    def arrive(looks: int) -> None:
        if looks == 2:
            (tmp_path / last.name).rename(last)

    watch_folder(inbox, output, LI_ORDER, quiet_s=0, keep_free_mb=0, stop=Looks(5, arrive))
    assert states(output) == [State.DONE]
    assert capsys.readouterr().err.count("Study 1: The study now has 6 slices.") == 1
    assert "now has 6 slices" in (output / "summary.csv").read_text()


def test_an_output_inside_the_watched_folder_is_refused(marview: Callable, tmp_path: Path) -> None:
    answer = marview("watch", tmp_path, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 2
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.iterdir())
