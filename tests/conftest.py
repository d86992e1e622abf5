"""Fixtures shared by all tests."""

from pathlib import Path

import pydantic.types  # noqa: F401 - before pytest-qt loads PySide6, whose import hook trips over a half-loaded pydantic
import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data does not lie beside this checkout")
    return folder
