"""The devices of this machine, as `marview doctor` and the window list them."""

import pytest
import torch

from marview.worker.devices import list_devices


@pytest.mark.parametrize(("threads", "title"), [(1, "CPU, 1 thread"), (2, "CPU, 2 threads")])
def test_the_cpu_is_listed_with_its_threads(monkeypatch: pytest.MonkeyPatch, threads: int, title: str) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert list_devices()[0]["title"] == title
