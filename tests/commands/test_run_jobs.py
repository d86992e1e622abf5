"""The number of studies that are corrected at a time."""

from pathlib import Path

import pytest

from marview.commands import run_jobs
from marview.commands.correction import Correction
from marview.commands.run_jobs import affordable


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_jobs, "_has_gpu", lambda: True)
    monkeypatch.setattr(run_jobs, "cores", lambda: 4)
    monkeypatch.setattr(run_jobs, "usable_bytes", lambda: 64 << 30)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("device", "number"), [("auto", 1), ("cuda", 1), ("cpu", 4)])
def test_studies_take_turns_on_a_gpu(device: str, number: int) -> None:
    assert affordable(Correction("nmar", device=device)) == number


def test_cores_and_memory_limit_the_number_of_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_jobs, "_has_gpu", lambda: False)
    for cores, memory_gb, number in ((4, 64, 4), (16, 8, 3), (8, 1, 1)):
        monkeypatch.setattr(run_jobs, "cores", lambda cores=cores: cores)
        monkeypatch.setattr(run_jobs, "usable_bytes", lambda memory_gb=memory_gb: memory_gb << 30)
        assert affordable(Correction("nmar")) == number


def test_without_a_driver_no_worker_looks_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has the driver")
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(run_jobs, "MarWorker", None)
    assert not run_jobs._has_gpu()
