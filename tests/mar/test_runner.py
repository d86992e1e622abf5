import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from marview.errors import MarviewError, MethodFailed, UsageError
from marview.mar import MarWorker, ReduceRequest, SharedArray, SinogramRequest, run_queue
from marview.mar.process import WorkerProcess
from marview.threads import NoThread

pytestmark = pytest.mark.own_workers


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_the_window_side_leaves_torch_out() -> None:
    code = "import sys, marview.mar.runner; sys.exit(sorted({'torch', 'numba'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("ending", ["kill", "exit", "thread"])
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_worker_ends_with_the_window(ending: str, tmp_path: Path) -> None:
    code = f"""
import os, threading, sys
from marview.mar import MarWorker
workers = []
def start():
    workers.append(MarWorker())
    workers[0].devices()
thread = threading.Thread(target=start)
thread.start(); thread.join()
workers[0].devices()  # the first thread has ended, the worker lives on
print(workers[0]._queue.process.pid, flush=True)
if {ending!r} == "kill":
    os.kill(os.getpid(), 9)
if {ending!r} == "thread":
    workers[0].close()
    sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        until = time.monotonic() + 10
        while _is_alive(pid):
            assert time.monotonic() < until, "the worker outlived the window"
            time.sleep(0.05)
        process.communicate("")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("asked", ["", "ACTIVE"])
def test_the_worker_s_threads_sleep_while_they_wait(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if asked:
        monkeypatch.setenv("OMP_WAIT_POLICY", asked)
    process = WorkerProcess(sys.executable, (), lambda *_: None, lambda *_: None)
    variables, until = Path(f"/proc/{process.pid}/environ"), time.monotonic() + 10
    while not (environment := variables.read_text().split("\0"))[0]:  # empty while the system loads the program
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()  # before it has loaded PyTorch
    assert process.join(10)
    assert f"OMP_WAIT_POLICY={asked or 'PASSIVE'}" in environment


class _Scarce:
    """Starter that starts a limited number of threads."""

    def __init__(self, left: int) -> None:
        self.left, self._start = left, threading.Thread.start

    def start(self, thread: threading.Thread) -> None:
        if self.left <= 0:
            raise RuntimeError("can't start new thread")
        self.left -= 1
        self._start(thread)


def _scarce(monkeypatch: pytest.MonkeyPatch, left: int) -> _Scarce:
    scarce = _Scarce(left)

    def start(thread: threading.Thread) -> None:
        scarce.start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return scarce


@pytest.mark.parametrize("left", range(4))
def test_where_no_thread_can_start_a_run_ends_with_a_message_and_the_next_one_starts(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    scarce = _scarce(monkeypatch, left)
    if not left:
        with pytest.raises(NoThread, match="cannot start another thread"):
            MarWorker()
        return
    with MarWorker() as worker:
        with pytest.raises(MarviewError, match="cannot start another thread") as refused:
            worker.devices()
        assert refused.value.exit_code == NoThread.exit_code
        assert worker._queue.process is None
        scarce.left = 3
        assert worker.devices()


def test_a_worker_that_is_slow_to_start_is_given_up_with_a_sentence() -> None:
    with MarWorker(starts_within_s=0.01) as worker, pytest.raises(MethodFailed, match="did not start within 0 s"):
        worker.devices()


def test_a_failure_of_the_runner_itself_ends_every_run_that_waits(
    monkeypatch: pytest.MonkeyPatch, arrays: list[SharedArray]
) -> None:
    request = ReduceRequest(method="nmar", hu=arrays[0], mask=arrays[1], correction=arrays[2], spacing_mm=(1, 1, 1))

    def fail(*_: object) -> None:
        raise ValueError("this shared array is closed")

    with MarWorker() as worker:
        with monkeypatch.context() as patched:
            patched.setattr(run_queue, "mark_unwritten", fail)
            runs = [worker.reduce(request, lambda message: None) for _ in range(3)]
            assert [run.wait(300).state for run in runs] == ["crashed"] * 3
            assert "this shared array is closed" in runs[-1].wait(60).sentence
        assert worker.reduce(request, lambda message: None).wait(120).state == "done"


@pytest.fixture(scope="module")
def worker():
    with MarWorker() as worker:
        yield worker


@pytest.fixture(scope="module")
def arrays():
    arrays = [SharedArray.create((3, 64, 48), kind) for kind in ("int16", "bool", "float32")]
    arrays[0].array[:] = -1000
    arrays[0].array[:, 8:56, 8:40] = 40
    arrays[1].array[1, 30:33, 20:23] = True
    arrays[0].array[arrays[1].array] = 3000
    yield arrays
    for array in arrays:
        array.close()


def test_it_describes_methods_and_lists_devices(worker: MarWorker) -> None:
    nmar = worker.describe("nmar")["properties"]
    assert nmar["prior_source"]["enum"] == ["auto", "raw", "linear_interpolation"]
    assert worker.describe("nmar_frequency_split")["properties"]["split_mm"]["unit"] == "mm"
    (cpu, *_) = worker.devices()
    assert cpu["name"] == "cpu"
    assert 0 < cpu["free_mb"] <= cpu["total_mb"]


def test_the_sinogram_of_a_slice_comes_before_any_run(worker: MarWorker, arrays: list[SharedArray]) -> None:
    heard = {}
    request = SinogramRequest(hu=arrays[0], mask=arrays[1], spacing_mm=(3.0, 2.0, 1.5), slice_index=1)
    run = worker.sinogram(request, lambda message: heard.setdefault(getattr(message, "name", ""), message))
    report = run.wait(300).check()
    pictures = {name: np.load(heard[name].path) for name in ("sinogram", "trace", "li_sinogram")}
    assert {picture.shape for picture in pictures.values()} == {(640, 641)}
    trace = pictures["trace"]
    assert report["trace_fraction"] == pytest.approx(trace.mean())
    np.testing.assert_array_equal(pictures["sinogram"][~trace], pictures["li_sinogram"][~trace])
    assert (pictures["li_sinogram"][trace] < pictures["sinogram"][trace]).mean() > 0.9
    assert report["processing_pixel_mm"] == pytest.approx(64 * 2.0 / 416)


def test_a_worker_that_is_killed_between_runs_is_replaced(worker: MarWorker) -> None:
    worker.devices()
    assert worker._queue.process is not None
    os.killpg(worker._queue.process.pid, signal.SIGKILL)
    time.sleep(0.5)
    assert worker.devices()


def test_a_worker_that_died_idle_is_not_blamed_on_the_next_run(worker: MarWorker, arrays: list[SharedArray]) -> None:
    worker.devices()
    for _ in range(2):
        os.killpg(worker._queue.process.pid, signal.SIGKILL)
        worker._queue.process.join(5)
        request = ReduceRequest(
            method="linear_interpolation", hu=arrays[0], mask=arrays[1], correction=arrays[2], spacing_mm=(1, 1, 1)
        )
        assert worker.reduce(request, lambda message: None).wait(300).state == "done"


def test_a_refusal_that_is_meant_leaves_no_trace_in_the_log(
    worker: MarWorker, arrays: list[SharedArray], caplog: pytest.LogCaptureFixture
) -> None:
    request = ReduceRequest(
        method="nmar",
        hu=arrays[0],
        mask=arrays[1],
        correction=arrays[2],
        spacing_mm=(1, 1, 1),
        parameters={"no_such": 1},
    )
    outcome = worker.reduce(request, lambda message: None).wait(300)
    assert (outcome.state, outcome.exit_code) == ("failed", 2)
    assert "Traceback" not in caplog.text


def test_a_raising_listener_does_no_harm(worker: MarWorker, arrays: list[SharedArray]) -> None:
    def listener(message: object) -> None:
        raise RuntimeError("the pane is gone")

    request = ReduceRequest(
        method="linear_interpolation", hu=arrays[0], mask=arrays[1], correction=arrays[2], spacing_mm=(1.0, 1.0, 1.0)
    )
    outcome = worker.reduce(request, listener).wait(300)
    assert outcome.state == "done"
    assert outcome.check()["method"] == "linear_interpolation"
    assert arrays[2].array[1].any()
    assert not arrays[2].array[[0, 2]].any()


def test_arrays_that_do_not_fit_are_refused(worker: MarWorker, arrays: list[SharedArray]) -> None:
    with SharedArray.create((3, 64, 47), bool) as other, pytest.raises(UsageError, match="metal mask must be a bool"):
        worker.sinogram(SinogramRequest(hu=arrays[0], mask=other, spacing_mm=(1, 1, 1), slice_index=0), print)
    with pytest.raises(UsageError, match="positive"):
        worker.sinogram(SinogramRequest(hu=arrays[0], mask=arrays[1], spacing_mm=(1, 0, 1), slice_index=0), print)


def test_a_closed_worker_takes_nothing() -> None:
    worker = MarWorker()
    worker.close()
    worker.close()
    with pytest.raises(UsageError, match="closed"):
        worker.devices()


def test_closing_ends_what_runs_and_what_waits(arrays: list[SharedArray]) -> None:
    worker = MarWorker()
    request = ReduceRequest(
        method="nmar", hu=arrays[0], mask=arrays[1], correction=arrays[2], spacing_mm=(1.0, 1.0, 1.0)
    )
    runs = [worker.reduce(request, lambda message: None) for _ in range(3)]
    worker.close()
    assert {run.wait(60).state for run in runs} <= {"cancelled", "done"}
    assert runs[-1].wait(60).state == "cancelled"
