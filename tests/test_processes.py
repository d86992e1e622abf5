"""Whether a process still runs."""

import os
import subprocess
import sys

import pytest

from marview.processes import is_alive, started


def test_this_process_runs_and_has_a_start() -> None:
    assert is_alive(os.getpid())
    assert started(os.getpid()) == started(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_process_that_ended_is_not_alive_before_anyone_reads_its_exit_code() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(process.pid)


def test_no_process_has_a_number_beyond_all() -> None:
    assert not is_alive(2**64)
    assert started(2**64) == ""
