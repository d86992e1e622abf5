import logging
import stat
import threading
import traceback
from collections.abc import Iterator

import pytest

from marview import ending, log_file
from marview.ending import ended
from marview.errors import MethodFailed


@pytest.fixture
def log(tmp_path, monkeypatch) -> Iterator:
    """The log in a folder of the test's own, read as text."""
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(tmp_path))
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    log_file.log_to_file()
    yield lambda: log_file.log_path().read_text() if log_file.log_path().exists() else ""
    for handler in root.handlers:
        handler.close()
    root.handlers = before


def _raises(bug: BaseException):
    def work() -> int:
        raise bug

    return work


@pytest.mark.parametrize(
    ("bug", "exit_code", "said"),
    [
        (KeyError("CANARY^NAME"), 1, "went wrong inside marview (KeyError)"),
        (MemoryError(), 1, "not enough memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), 1, "not enough memory"),
        (OSError("Could not find/load shared object file 'libllvmlite.so'"), 1, "not enough memory"),
        (OSError(12, "Cannot allocate memory"), 1, "not enough memory"),
        (ImportError("No module named 'torch'"), 1, "went wrong inside marview (ImportError)"),
        (PermissionError(13, "Permission denied", "/closed"), 3, "/closed cannot be used: permission denied"),
        (MethodFailed("It failed."), 4, "It failed."),
        (KeyboardInterrupt(), 130, "cancelled"),
    ],
)
def test_every_exception_ends_in_a_message(log, capsys, bug: BaseException, exit_code: int, said: str) -> None:
    assert ended(_raises(bug)) == exit_code
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_the_log_has_the_place_and_not_the_words_of_what_was_raised(log, capsys) -> None:
    name = "CANARY^NAME"

    def work() -> int:
        try:
            return int(name)
        except ValueError as bug:
            raise RuntimeError(name) from bug

    ended(work)
    told = log()
    assert "test_ending.py" in told
    assert told.index("ValueError") < told.index("RuntimeError")
    assert "CANARY" not in told
    assert "CANARY" not in capsys.readouterr().err
    assert str(log_file.log_path()) in f"{ending.log_path()}"


def test_the_log_is_its_owners_alone(log) -> None:
    ended(_raises(RuntimeError("Doe^Jane")))
    assert "RuntimeError" in log()
    assert stat.S_IMODE(log_file.log_path().stat().st_mode) == 0o600


def test_a_full_disk_of_the_log_gives_a_short_message(log, capsys, monkeypatch) -> None:
    logging.getLogger("marview").warning("opened")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(log_file._Private, "flush", full)
        for _ in range(20):
            logging.getLogger("marview").warning("more")
    assert capsys.readouterr().err == ""


def test_tracebacks_of_other_processes_lose_their_words() -> None:
    try:
        raise OSError("no such file: /ct/Doe^Jane")
    except OSError:
        trace = traceback.format_exc()
    kept = log_file.without_words(trace)
    assert "Doe" not in kept.replace('"no such file: /ct/Doe^Jane"', "")
    assert kept.endswith("OSError")


def test_an_interrupt_where_no_thread_can_start_is_not_reported_as_a_cancel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """OpenBLAS interrupts its own process when it cannot start its threads."""

    def full(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    for bug in (KeyboardInterrupt(), BlockingIOError(11, "Resource temporarily unavailable")):
        assert ended(_raises(bug)) == 3
        assert "cannot start another thread" in capsys.readouterr().err
