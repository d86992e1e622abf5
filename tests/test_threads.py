"""Threads: how many, and that they sleep while they wait."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from marview import threads as module
from marview.errors import UsageError
from marview.threads import cores, free_cores, settle_threads, tell_of_lacking_threads, threads, wait_passively


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MARVIEW_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module, "_settled", module._Settled())
    monkeypatch.setattr(module, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(module, "_STAT", tmp_path / "stat")


def _machine(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)


def test_marview_s_own_variable_goes_before_openmp_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5,2")
    assert threads() == settle_threads() == 5
    monkeypatch.setenv("MARVIEW_THREADS", "3")
    assert threads() == settle_threads() == 3


@pytest.mark.parametrize("asked", ["0", "two", "-1"])
def test_an_invalid_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", asked)
    with pytest.raises(UsageError, match="MARVIEW_THREADS"):
        threads()


@pytest.mark.parametrize(("running", "free"), [(1, 8), (3, 6), (7, 2), (9, 1), (40, 1)])
def test_a_run_computes_on_the_cores_that_are_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, running: int, free: int
) -> None:
    _machine(monkeypatch, 8)
    (tmp_path / "stat").write_text(f"cpu  1 2 3\nprocs_running {running}\nprocs_blocked 0\n")
    assert free_cores() == free
    assert threads() == 8, "nothing was settled yet"
    settle_threads()
    (tmp_path / "stat").write_text("procs_running 4\n")
    assert threads() == free, "a run keeps its threads until it ends"


@pytest.mark.parametrize("said", [None, "", "cpu 1 2\n", "procs_running"])
def test_where_the_system_does_not_say_all_cores_are_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None
) -> None:
    _machine(monkeypatch, 4)
    if said is not None:
        (tmp_path / "stat").write_text(said)
    assert free_cores() == 4


@pytest.mark.parametrize(("limit", "count"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("?", 8)])
def test_a_container_s_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, count: int) -> None:
    _machine(monkeypatch, 8)
    (tmp_path / "cpu.max").write_text(limit)
    assert cores() == count


def test_threads_sleep_while_they_wait_by_default() -> None:
    environment: dict[str, str] = {}
    wait_passively(environment)
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    environment["OMP_WAIT_POLICY"] = "ACTIVE"
    wait_passively(environment)
    assert environment["OMP_WAIT_POLICY"] == "ACTIVE"


def test_the_command_line_says_so_before_torch_is_loaded() -> None:
    code = """
import contextlib, os, sys
from marview.__main__ import main
assert "torch" not in sys.modules
sys.argv = ["marview", "--version"]
with contextlib.suppress(SystemExit):
    main()
assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.DEVNULL)


def test_openblas_starts_no_threads_that_could_end_the_process() -> None:
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        pytest.skip("torch computes with OpenBLAS there")
    environment: dict[str, str] = {}
    wait_passively(environment)
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    wait_passively(chosen := {"OPENBLAS_NUM_THREADS": "3"})
    assert chosen["OPENBLAS_NUM_THREADS"] == "3"


def test_words_about_a_thread_that_cannot_start_are_known() -> None:
    assert tell_of_lacking_threads(["OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 2"])
    assert tell_of_lacking_threads(["libgomp: Thread creation failed: Resource temporarily unavailable"])
    assert not tell_of_lacking_threads(["out of memory"])
