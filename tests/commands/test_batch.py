"""Many studies corrected by one command, stopped at any moment and resumed."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.batch.job import State
from marview.batch.table import JobTable
from marview.dicom import open_series
from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput
from marview.geometry import Grid

LI = ("--method", "linear_interpolation")


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory, metal_hu: np.ndarray) -> Path:
    """Three studies with metal (one zipped), one without, one broken, one derived."""
    root = tmp_path_factory.mktemp("ward")
    grid = Grid.from_spacing(metal_hu.shape, (3.0, 2.0, 2.0))
    for name in ("first", "second", "zipped", "derived"):
        labels = Labels("CANARY^NAME", "CANARYID", "A study", name, kvp=120.0)
        write_ct_series(metal_hu, grid, root / name, labels, seed=name)
    write_ct_series(np.minimum(metal_hu, 900), grid, root / "plain", Labels("P^N", "P", "A", "plain"), seed="plain")
    with zipfile.ZipFile(root / "third.zip", "w") as archive:
        for file in sorted((root / "zipped").iterdir()):
            archive.write(file, f"study/{file.name}")
    shutil.rmtree(root / "zipped")
    (root / "broken").mkdir()
    (root / "broken" / "slice.dcm").write_bytes(next((root / "first").iterdir()).read_bytes()[:700])
    for file in (root / "derived").iterdir():
        file.write_bytes(file.read_bytes().replace(b"ORIGINAL\\PRIMARY\\AXIAL", b"DERIVED \\PRIMARY\\AXIAL"))
    return root


def jobs_of(folder: Path) -> dict[str, State]:
    with JobTable(folder / "jobs.sqlite") as table:
        return {job.source.name: job.state for job in table.jobs()}


def has_job(folder: Path, state: State) -> bool:
    if not (folder / "jobs.sqlite").exists():
        return False
    return state in jobs_of(folder).values()


EXPECTED = {
    "first": State.DONE,
    "second": State.DONE,
    "third.zip": State.DONE,
    "plain": State.SKIPPED,
    "derived": State.SKIPPED,
    "broken": State.FAILED,
}


def test_corrects_what_has_metal_and_gives_reasons_for_the_rest(
    marview: Callable, ward: Path, tmp_path: Path, metal_hu: np.ndarray
) -> None:
    answer = marview("batch", ward, *LI, "--output", tmp_path / "out", "--report", "jsonl")
    assert answer.exit_code == 4  # one study failed
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert {Path(row["input"]).name: State(row["state"]) for row in rows} == EXPECTED
    by_name = {Path(row["input"]).name: row for row in rows}
    assert "No metal was found" in by_name["plain"]["reason"]
    assert by_name["plain"]["reason"].endswith("or --mask FILE to marview reduce for this study.")
    assert "derived" in by_name["derived"]["reason"]
    assert by_name["broken"]["reason"]
    for row in rows:
        if row["state"] == "done":
            corrected = open_series(tmp_path / "out" / row["output"]).volume.hu
            assert corrected.shape == metal_hu.shape
            assert row["corrected"] == 2
    with (tmp_path / "out" / "summary.csv").open(newline="") as lines:
        assert [row["state"] for row in csv.DictReader(lines)] == [row["state"] for row in rows]


def test_a_dry_run_writes_nothing(marview: Callable, ward: Path, tmp_path: Path) -> None:
    answer = marview("batch", ward, *LI, "--output", tmp_path / "out", "--dry-run", "--report", "csv")
    assert "queued" in answer.out
    assert "derived" in answer.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_inputs_without_images_are_refused_and_leave_no_folder(
    marview: Callable, tmp_path: Path, more: tuple[str, ...]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.txt").write_text("Dear colleague")
    answer = marview("batch", tmp_path / "in", *LI, "--output", tmp_path / "out", *more)
    assert answer.exit_code == 3
    assert "contains no CT images. Specify folders, zips" in answer.err
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_output_folder_is_refused(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.write_text("mine")
    answer = marview("batch", metal_series, *LI, "--output", place)
    assert answer.exit_code == 2
    assert "taken is a file. Choose a new folder." in answer.err
    assert place.read_text() == "mine"


def test_a_list_without_jobs_is_refused(marview: Callable, tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_text("\n")
    answer = marview("batch", "--jobs", tmp_path / "jobs.jsonl", *LI, "--output", tmp_path / "out")
    assert (answer.exit_code, "The list of jobs is empty" in answer.err) == (3, True)


def test_a_resumed_batch_may_find_nothing_new(marview: Callable, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    answer = marview("batch", tmp_path / "in", *LI, "--output", tmp_path / "out", "--resume")
    assert answer.exit_code == 0
    assert "0 studies: nothing to do." in answer.out


def test_a_second_call_needs_resume_and_corrects_nothing_twice(marview: Callable, ward: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    marview("batch", ward / "first", ward / "plain", *LI, "--output", out)
    times = {file: file.stat().st_mtime_ns for file in out.rglob("*.dcm")}
    assert marview("batch", ward / "first", *LI, "--output", out).exit_code == 2
    answer = marview("batch", ward / "first", ward / "second", *LI, "--output", out, "--resume")
    assert answer.exit_code == 0
    assert jobs_of(out) == {"first": State.DONE, "plain": State.SKIPPED, "second": State.DONE}
    assert {file: file.stat().st_mtime_ns for file in times} == times
    assert marview("batch", ward, "--method", "nmar", "--output", out, "--resume").exit_code == 2


def test_the_same_study_named_twice_is_corrected_once(marview: Callable, ward: Path, tmp_path: Path) -> None:
    shutil.copytree(ward / "first", tmp_path / "copy")
    marview("batch", ward / "first", ward / "first", tmp_path / "copy", *LI, "--output", tmp_path / "out")
    assert len(jobs_of(tmp_path / "out")) == 1


def test_a_list_of_jobs_is_read(marview: Callable, ward: Path, tmp_path: Path) -> None:
    listed = tmp_path / "jobs.jsonl"
    listed.write_text("".join(json.dumps({"input": str(ward / name)}) + "\n" for name in ("first", "plain")))
    assert marview("batch", "--jobs", listed, *LI, "--output", tmp_path / "out").exit_code == 0
    listed.write_text('{"input": "x"}\n{"output": 3}\n')
    answer = marview("batch", "--jobs", listed, *LI, "--output", tmp_path / "other")
    assert answer.exit_code == 3
    assert "Line 2" in answer.err


def test_no_identifying_tag_reaches_table_names_or_summaries(marview: Callable, ward: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = marview("batch", ward / "first", *LI, "--output", out)
    assert "CANARY" not in answer.out + answer.err
    for file in out.rglob("*"):
        assert "CANARY" not in file.name
        if file.is_file() and file.suffix != ".dcm":
            assert b"CANARY" not in file.read_bytes()


def test_a_result_written_before_its_row_keeps_its_row(
    marview: Callable, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("batch", ward / "first", *LI, "--report", "jsonl", "--output")
    unbroken = json.loads(marview(*words, tmp_path / "unbroken").out)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(JobTable, "finish", die)
        assert marview(*words, tmp_path / "out").exit_code == 130
    assert jobs_of(tmp_path / "out") == {"first": State.RUNNING}
    resumed = json.loads(marview(*words, tmp_path / "out", "--resume").out)
    assert resumed | {"seconds": 0} == unbroken | {"seconds": 0}
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")) == []


def test_a_killed_batch_is_resumed_without_a_half_series(ward: Path, tmp_path: Path, marview: Callable) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-m", "marview", "batch", str(ward), *LI, "--output", str(out), "--workers", "2"]
    random = np.random.default_rng(5)
    kills = 0
    for state in (State.RUNNING, State.DONE):
        resumed = ["--resume"] if (out / "jobs.sqlite").exists() else []
        process = subprocess.Popen([*words, *resumed], start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and process.poll() is None and not has_job(out, state):
            time.sleep(0.02)
        time.sleep(float(random.uniform(0, 1.5)))
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for folder in out.glob("study-*"):
            assert len(list(folder.iterdir())) == 6
    assert kills > 0
    assert marview("batch", ward, *LI, "--output", out, "--resume").exit_code == 4
    assert jobs_of(out) == EXPECTED
    assert len(list(out.glob("study-*"))) == 3
    assert not [file for file in out.rglob("*") if file.name.startswith(".part")]


@pytest.mark.parametrize("verb", ["batch", "watch"])
def test_where_no_job_table_can_be_made_no_folder_is_left(
    marview: Callable, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def full(_table: JobTable, path: Path) -> None:
        path.write_bytes(b"")
        raise BadInput(f"{path} cannot be used as a job table: database or disk is full.")

    monkeypatch.setattr(JobTable, "__init__", full)
    answer = marview(verb, ward, *LI, "--output", tmp_path / "out")
    assert (answer.exit_code, "disk is full" in answer.err) == (3, True), answer
    assert not (tmp_path / "out").exists()
