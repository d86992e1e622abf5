"""The job table stays consistent across kills."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from marview.batch.job import Ending, Plan, State, key_of
from marview.batch.table import JobTable, look_at
from marview.dicom.atomic import check_file
from marview.errors import BadInput, UsageError


def plan(name: str) -> Plan:
    return Plan(key_of(name), Path("/studies") / name, "1.2", 40)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


def test_jobs_keep_their_order_and_enter_once(path: Path) -> None:
    with JobTable(path) as table:
        assert [table.add(plan(name)) for name in ("b", "a", "b")] == [True, True, False]
        assert [(job.number, job.source.name) for job in table.jobs()] == [(1, "b"), (2, "a")]


def test_an_ending_survives_closing(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("a"))
        job = table.jobs()[0]
        table.start(job)
        table.finish(job, Ending(State.DONE, corrected=7, seconds=1.5, notes=("metal hides much",)))
    with JobTable(path) as table:
        job = table.jobs(State.DONE)[0]
        assert (job.corrected, job.seconds, job.notes) == (7, 1.5, ("metal hides much",))


def test_the_progress_of_a_running_job_is_seen_and_starts_again_with_it(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("a"))
        job = table.jobs()[0]
        table.start(job)
        table.advance(job, 5)
        assert [(one.state, one.corrected) for one in look_at(path)] == [(State.RUNNING, 5)]
        table.requeue(job)
        assert [(one.state, one.corrected) for one in look_at(path)] == [(State.QUEUED, 0)]


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM jobs").fetchall()
connection.close()
"""


def test_changes_reach_the_file_while_results_are_written_beside_it_and_others_read_it(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("a"))
        [job] = table.jobs()
        check_file(path.with_name("summary.csv"))
        subprocess.run([sys.executable, "-S", "-c", READER, str(path)], check=True)
        table.finish(job, Ending(State.DONE))
        assert [one.state for one in look_at(path)] == [State.DONE]


def test_recovery_asks_whether_the_result_is_there(path: Path) -> None:
    with JobTable(path) as table:
        for name in ("written", "unwritten"):
            table.add(plan(name))
        for job in table.jobs():
            table.start(job)
    written = Ending(State.DONE, corrected=7)
    with JobTable(path) as table:
        table.recover(lambda job: written if job.source.name == "written" else None)
        assert [(job.state, job.corrected) for job in table.jobs()] == [(State.DONE, 7), (State.QUEUED, 0)]


def test_failed_jobs_are_queued_again_on_request(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("a"))
        table.finish(table.jobs()[0], Ending(State.FAILED, "The disk is full."))
        table.retry_failed()
        assert (table.jobs()[0].state, table.jobs()[0].reason) == (State.QUEUED, "")


def test_a_table_is_for_one_order(path: Path) -> None:
    with JobTable(path) as table:
        table.order({"method": "nmar", "margin_mm": 0.0})
        table.order({"method": "nmar", "margin_mm": 0.0})
        with pytest.raises(UsageError, match="method"):
            table.order({"method": "cnnmar", "margin_mm": 0.0})


@pytest.mark.parametrize(("first", "then"), [({"classes": 3}, {}), ({}, {"restores_cut_off": False})])
def test_an_option_that_only_one_call_sets_is_another_order(path: Path, first: dict, then: dict) -> None:
    with JobTable(path) as table:
        table.order({"method": "nmar", **first})
        with pytest.raises(UsageError, match="the default"):
            table.order({"method": "nmar", **then})


@pytest.mark.parametrize(
    "write", [lambda table: table.order({"a": "x" * 99_999}), lambda table: table.add(plan("a" * 99_999))]
)
def test_a_full_disk_is_refused_with_what_to_do(path: Path, write: Callable[[JobTable], object]) -> None:
    with JobTable(path) as table:
        table._connection.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the pages in use
        with pytest.raises(BadInput, match=r"is full\. Free disk space, then use --resume"):
            write(table)
        assert table.jobs() == []


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be taken for one " * 40)
    with pytest.raises(BadInput, match="cannot be used as a job table"):
        JobTable(path)


def test_a_folder_name_says_nothing_of_the_source(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("DOE^JANE"))
        assert "DOE" not in table.jobs()[0].folder


UNIT, STUDY, SERIES = (key_of(kind, "x") for kind in ("unit", "study", "series"))
CUT = Plan(UNIT, Path("/in/x"), state=State.FAILED, reason="1.dcm is truncated.")
WHOLE = Plan(SERIES, Path("/in/x"), "digest", 40, earlier=(STUDY, UNIT))


def test_a_repaired_study_keeps_its_row_and_is_corrected_once(path: Path) -> None:
    with JobTable(path) as table:
        assert table.add(CUT)
        table.retry_failed()
        assert table.add(WHOLE)
        (job,) = table.jobs()
        assert (job.number, job.state, job.key, job.reason) == (1, State.QUEUED, SERIES, "")
        assert not table.add(WHOLE)


def test_a_study_that_is_still_damaged_stays_failed(path: Path) -> None:
    with JobTable(path) as table:
        table.add(CUT)
        assert not table.add(CUT)
        table.retry_failed()
        table.add(CUT)
        assert [(job.state, job.reason) for job in table.jobs()] == [(State.FAILED, CUT.reason)]


@pytest.mark.parametrize("state", [State.SKIPPED, State.FAILED])
def test_a_study_that_was_not_corrected_is_planned_again_when_slices_arrive(path: Path, state: State) -> None:
    with JobTable(path) as table:
        table.add(replace(WHOLE, slices=30, state=state, reason="Slices are missing."))
        table.add(WHOLE)
        assert [(job.state, job.slices, job.reason) for job in table.jobs()] == [(State.QUEUED, 40, "")]


def test_a_study_without_metal_is_not_planned_again(path: Path) -> None:
    with JobTable(path) as table:
        table.add(WHOLE)
        table.finish(table.jobs()[0], Ending(State.SKIPPED, "No metal was found."))
        assert not table.add(WHOLE)
        assert table.jobs()[0].state is State.SKIPPED


def test_a_corrected_study_that_grows_is_not_corrected_again_and_its_row_says_so_once(path: Path) -> None:
    with JobTable(path) as table:
        table.add(WHOLE)
        table.finish(table.jobs()[0], Ending(State.DONE, corrected=7, notes=("metal hides much",)))
        assert table.note_growth(WHOLE) is None
        more = replace(WHOLE, slices=41)
        assert not table.add(more)
        grown = table.note_growth(more)
        assert grown is not None
        assert "now has 41 slices" in grown.notes[-1]
        assert table.note_growth(more) is None
        assert [(job.state, job.notes) for job in table.jobs()] == [(State.DONE, grown.notes)]


def test_a_result_of_a_waiting_study_counts(path: Path) -> None:
    """A worker of a cluster finishes its study although the batch that asked for it was stopped."""
    with JobTable(path) as table:
        table.add(plan("a"))
        table.recover(lambda _: Ending(State.DONE, corrected=7))
        assert [(job.state, job.corrected) for job in table.jobs()] == [(State.DONE, 7)]


def test_a_name_that_is_not_text_comes_back(path: Path) -> None:
    source = Path("/in/caf\udce9")
    with JobTable(path) as table:
        table.add(Plan(key_of("path", str(source)), source))
        assert table.jobs()[0].source == source


def test_a_full_disk_gives_a_message_and_nothing_is_lost(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("a"))
        pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
        table._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BadInput, match="full"):
            [table.add(plan(f"{number}")) for number in range(1000)]
        jobs = table.jobs()
    assert look_at(path) == jobs
    assert jobs[0].source.name == "a"
