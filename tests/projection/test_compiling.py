import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marview.projection import compiling, warm_up
from marview.projection.compiling import kernel, share


def test_a_failure_in_a_thread_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", "2")

    def fail(part: int) -> None:
        raise ValueError(str(part))

    with pytest.raises(ValueError, match="0"):
        share(fail, range(4))


@pytest.mark.parametrize("is_queued", [False, True])
def test_the_work_is_done_where_no_thread_can_start(monkeypatch: pytest.MonkeyPatch, *, is_queued: bool) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", "4")

    class Pool:
        def submit(self, work: Callable[[], None]) -> None:
            if is_queued:  # as ThreadPoolExecutor does before it starts a thread
                work()
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(compiling, "_pool", Pool)
    done: list[int] = []
    share(done.append, range(20))
    assert sorted(done) == list(range(20))


def test_a_kernel_whose_compiled_code_no_other_process_would_find_is_refused() -> None:
    @kernel
    def double(x: float) -> float:
        return 2 * x

    def quadruple(x: float) -> float:
        return double(double(x))

    with pytest.raises(TypeError, match="only numbers"):
        kernel(quadruple)


def test_another_process_finds_all_compiled_code() -> None:
    code = """
from numba.core.dispatcher import Dispatcher
import gc
from marview.projection import warm_up
warm_up((1, 64))
kernels = [each for each in gc.get_objects() if isinstance(each, Dispatcher) and "marview" in each.py_func.__module__]
print([each.py_func.__qualname__ for each in kernels if each.stats.cache_misses])
print(any(each.stats.cache_hits for each in kernels))
"""
    warm_up((1, 64))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["[]", "True"], done.stderr


def test_compiled_code_is_never_looked_for_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen program names source files by relative paths, which may exist in a study's folder."""
    source = "def double(x):\n    return 2 * x\n"
    (tmp_path / "marview").mkdir()
    (tmp_path / "marview" / "double.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(source, "marview/double.py", "exec"), names)
    double = kernel(names["double"])
    assert double(2.0) == 4.0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["double.py", "marview"]
