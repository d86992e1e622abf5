import pytest

from marview.errors import UsageError
from marview.projection import warm_up
from marview.projection.compiling import share, threads


def test_the_number_of_threads_is_asked_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", "3")
    assert threads() == 3
    monkeypatch.delenv("MARVIEW_THREADS")
    assert threads() >= 1


@pytest.mark.parametrize("asked", ["0", "two", "-1"])
def test_no_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", asked)
    with pytest.raises(UsageError, match="MARVIEW_THREADS"):
        threads()


def test_a_failure_in_a_thread_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARVIEW_THREADS", "2")

    def fail(part: int) -> None:
        raise ValueError(str(part))

    with pytest.raises(ValueError, match="0"):
        share(fail, range(4))


def test_warming_up_runs_every_kernel() -> None:
    warm_up((1,))
