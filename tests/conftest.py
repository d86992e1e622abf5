"""Fixtures shared by all tests."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pydantic.types  # noqa: F401 - before pytest-qt loads PySide6, whose import hook trips over a half-loaded pydantic
import pytest

from marview.mar import MarWorker


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data does not lie beside this checkout")
    return folder


@pytest.fixture(scope="module")
def kept_worker() -> Iterator[MarWorker]:
    with MarWorker() as worker:
        yield worker


@pytest.fixture
def one_worker(monkeypatch: pytest.MonkeyPatch, kept_worker: MarWorker) -> None:
    """Lets all commands of a test file use one warm worker, because every start imports PyTorch for seconds."""
    for verb in ("reduce", "sweep", "trace"):
        monkeypatch.setattr(f"marview.commands.{verb}.MarWorker", lambda: nullcontext(kept_worker))
