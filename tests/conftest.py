"""Fixtures shared by all tests."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pydantic.types  # noqa: F401 - before pytest-qt loads PySide6, whose import hook fails on a half-loaded pydantic
import pytest

from marview.mar import run_queue
from tests.lending import Lender

gc.disable()  # until the tests are collected


def pytest_collection_finish() -> None:
    """Exempt imported libraries and collected tests from garbage collection, which half a million objects slow down."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data does not lie beside this checkout")
    return folder


@pytest.fixture(scope="session")
def lender() -> Iterator[Lender]:
    lender = Lender()
    yield lender
    lender.close()


@pytest.fixture(scope="module", autouse=True)
def _lent_workers(request: pytest.FixtureRequest, lender: Lender) -> Iterator[None]:
    """Lets tests hand on their worker processes, except in files about the process, marked `own_workers`."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("own_workers") is None:
            patch.setattr(run_queue, "WorkerProcess", lender)
        yield
