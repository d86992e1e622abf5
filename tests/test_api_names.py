"""The public names of the Python API, and their page in the documentation."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import marview
import marview.physics
import marview.volume
from marview.mar import discover


def test_every_public_name_is_there_and_documented() -> None:
    for name in marview.__all__:
        assert getattr(marview, name).__doc__, name
    for package in (marview, marview.physics, marview.volume):
        assert set(package.__all__) <= set(dir(package)), package


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    names = page.partition("## Stable names")[2].partition("## Objects")[0]
    assert [name for name in marview.__all__ if not re.search(rf"`{name}\b", names)] == []


def test_the_page_of_the_api_names_every_learned_method() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    sentence = page.partition("### Learned methods")[2].partition("use a trained network")[0]
    manifests = [one.manifest for one in discover() if one.origin == "bundled" and one.manifest is not None]
    learned = {one.id for one in manifests if one.weights or one.needs_weights or one.learns_from_scan}
    assert set(re.findall(r"`(\w+)`", sentence)) == learned


def test_the_page_of_the_api_shows_the_signatures_of_the_code() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    names = page.partition("## Stable names")[2].partition("## Objects")[0]
    shown = re.findall(r"^\| \[?`(\w+)\(([^`]*)\)`", names, re.MULTILINE)
    functions = {name for name in marview.__all__ if inspect.isfunction(getattr(marview, name))}
    assert functions <= {name for name, _ in shown}
    for name, arguments in shown:
        on_page: dict[str, Any] = {}
        exec(f"def {name}({arguments}): ...", on_page)
        told = inspect.signature(on_page[name]).parameters
        real = inspect.signature(getattr(marview, name)).parameters
        assert [(one.name, one.kind) for one in told.values()] == [(one.name, one.kind) for one in real.values()], name
        for one in told.values():
            assert one.default in (inspect.Parameter.empty, real[one.name].default), (name, one.name)


def test_a_misspelt_name_asks_for_the_similar_one() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'redcue'\. Did you mean 'reduce'\?"):
        _ = marview.redcue


def test_importing_marview_imports_nothing_heavy() -> None:
    code = "import sys, marview; print([m for m in ('torch', 'numpy', 'PySide6', 'pydicom') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
