"""A session with a fake worker, driven by posted calls."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from marview.session.session import Session
from marview.session.settings import Settings


def _load_fakes():
    if "session_fakes" not in sys.modules:
        spec = importlib.util.spec_from_file_location("session_fakes", Path(__file__).with_name("fakes.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules["session_fakes"] = module
        spec.loader.exec_module(module)
    return sys.modules["session_fakes"]


fakes_module = _load_fakes()


@pytest.fixture(scope="session")
def fakes():
    return fakes_module


@pytest.fixture(scope="session")
def small_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes_module.write_series(tmp_path_factory.mktemp("series") / "small")


@pytest.fixture
def mail():
    return fakes_module.Mail()


@pytest.fixture
def worker(tmp_path: Path):
    return fakes_module.FakeWorker(tmp_path)


@pytest.fixture
def session(mail, worker, tmp_path: Path) -> Iterator[Session]:
    made = Session(
        mail.post,
        Settings(),
        make_worker=lambda: worker,
        listings=lambda: [fakes_module.listing(tmp_path), fakes_module.listing(tmp_path, "other", "Other method")],
    )
    yield made
    made.close()


@pytest.fixture
def said(session) -> list[str]:
    sentences: list[str] = []
    session.messages.said.connect(lambda message: sentences.append(message.sentence))
    return sentences


@pytest.fixture
def opened(session, mail, small_series):
    """A session with the small series open and its metal found."""
    session.methods.look()
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present and session.methods.current and session.methods.devices)
    return session
