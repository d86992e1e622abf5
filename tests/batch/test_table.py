"""The job table stays consistent across kills."""

from pathlib import Path

import pytest

from marview.batch.job import Ending, Plan, State, key_of
from marview.batch.table import JobTable, look_at
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


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be taken for one " * 40)
    with pytest.raises(BadInput, match="cannot be used as a job table"):
        JobTable(path)


def test_a_folder_name_says_nothing_of_the_source(path: Path) -> None:
    with JobTable(path) as table:
        table.add(plan("DOE^JANE"))
        assert "DOE" not in table.jobs()[0].folder
