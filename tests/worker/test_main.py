"""A worker compiles ahead while idle, and never while the user paints."""

import threading
from pathlib import Path

import numpy as np
import pytest

from marview.geometry import processing_beam
from marview.mar import SharedArray, TraceRequest
from marview.mar.messages import DescribeRequest, Failed
from marview.projection import scratch
from marview.worker import main as worker
from marview.worker.batches import LARGEST

BEAM = processing_beam(1.0)


class HangUpError(Exception):
    """Error that ends a worker in these tests."""


class Line:
    """A channel with successive requests, each after a pause."""

    def __init__(self, requests: list[object]) -> None:
        self._requests = requests

    def send(self, _message: object) -> None:
        pass

    def is_asked(self, _within_s: float) -> bool:
        return False

    def next(self) -> object:
        if not self._requests:
            raise HangUpError
        return self._requests.pop(0)


@pytest.fixture
def serve(monkeypatch):
    def serve(*requests: object) -> list[tuple[int, ...]]:
        """Return the batch sizes of each warm-up while the worker answered the requests."""
        warmed: list[tuple[int, ...]] = []
        monkeypatch.setattr(worker, "Channel", lambda: Line(list(requests)))
        monkeypatch.setattr(worker, "warm_up", warmed.append)
        monkeypatch.setattr(worker, "_answer", lambda *_: None)
        monkeypatch.setattr(worker, "keep_what_is_loaded", lambda: None)
        with pytest.raises(HangUpError):
            worker.main([])
        for thread in threading.enumerate():
            if thread.name == "warm-up":
                thread.join(10)
        return warmed

    return serve


def test_it_warms_up_once_in_the_first_pause_for_the_batches_of_a_run(serve, tmp_path) -> None:
    assert serve(*[DescribeRequest(str(tmp_path))] * 3) == [(1, LARGEST["cpu"])]


def test_it_does_not_compile_once_the_user_paints(serve, monkeypatch) -> None:
    mask, trace = (SharedArray.create(shape, np.bool_) for shape in ((1, 9, 9), (BEAM.views, BEAM.bins)))
    try:
        request = TraceRequest(mask=mask, spacing_mm=(1.0, 1.0, 1.0), slice_index=0, trace=trace)
        busy = iter([True])  # the first request is there from the start, as the window sends it
        monkeypatch.setattr(Line, "is_asked", lambda *_: next(busy, False))
        assert serve(request, request) == []
    finally:
        mask.close()
        trace.close()


def test_it_gives_up_the_memory_of_a_run_in_the_next_pause(serve, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scratch, "_free", [])
    scratch.empty(1 << 20, np.float32)
    assert scratch.kept_bytes()
    serve(DescribeRequest(str(tmp_path)))
    assert not scratch.kept_bytes()


def failed(folder: Path, code: str) -> Failed:
    """Return the answer to a request for a method with this code."""
    (folder / "plugin.toml").write_text('id = "own"\ntitle = "Own"\nversion = "1"\napi = 1\nentry = "method:Own"\n')
    (folder / "method.py").write_text(code)
    answer = worker._answer(DescribeRequest(str(folder)), Line([]), worker.Reprojections())
    assert isinstance(answer, Failed)
    return answer


def test_the_log_keeps_the_whole_message_of_an_exception_in_a_method(tmp_path: Path) -> None:
    answer = failed(tmp_path, "raise ValueError('Error(s):\\n  first detail\\n  second detail')\n")
    assert "ValueError: Error(s): first detail; second detail." in answer.sentence
    assert answer.detail.endswith("ValueError: Error(s):\n  first detail\n  second detail\n")


def test_the_log_keeps_no_message_of_an_exception_outside_a_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: Path) -> None:
        raise OSError("no such file: /ct/Doe^Jane")

    monkeypatch.setattr(worker, "load_method", broken)
    detail = failed(tmp_path, "").detail
    assert detail.endswith("OSError")
    assert "Jane\n" not in detail
