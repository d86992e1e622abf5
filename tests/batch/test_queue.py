"""An interrupted queue leaves no job running."""

from pathlib import Path

import pytest

from marview.batch.job import Ending, Plan, State, key_of
from marview.batch.queue import Queue
from marview.batch.table import TABLE, JobTable, look_at
from marview.errors import BadInput


@pytest.mark.parametrize("moment", ["table", "on_start"])
def test_a_job_that_was_interrupted_while_it_began_waits_again(tmp_path: Path, monkeypatch, moment: str) -> None:
    with JobTable(tmp_path / TABLE) as table:
        for name in ("a", "b"):
            table.add(Plan(key_of(name), Path(name)))
        begin = table.start

        def interrupt(job) -> None:
            if moment == "table":
                begin(job)
            if job.number == 2:
                raise KeyboardInterrupt

        queue = Queue(table, lambda _job, _stop: Ending(State.DONE), workers=1)
        if moment == "table":
            monkeypatch.setattr(table, "start", interrupt)
        else:
            queue.on_start = interrupt
        with pytest.raises(KeyboardInterrupt):
            queue.run(table.jobs(State.QUEUED))
        assert [job.state for job in table.jobs()] == [State.DONE, State.QUEUED]


def test_a_table_is_read_while_another_connection_writes(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        look_at(tmp_path / TABLE)
    assert not (tmp_path / TABLE).exists()
    with JobTable(tmp_path / TABLE) as table:
        table.add(Plan(key_of("a"), Path("a"), slices=7))
        assert look_at(tmp_path / TABLE) == table.jobs()
