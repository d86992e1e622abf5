"""A whole benchmark with methods in a real worker."""

import functools
import json

import pytest

from marview.errors import UsageError
from marview.evaluation import command
from marview.evaluation.case_folder import write_known_case
from marview.evaluation.methods import WorkerMethods
from marview.mar import Listing, read_manifest
from marview.physics import protocol

METHOD = """
import pathlib
from pydantic import BaseModel
from marview.methods.api import MarResult

class Made:
    class Parameters(BaseModel):
        strength: float = 1.0

    def run(self, case, parameters, job):
        job.progress(0.5)
        if pathlib.Path(__file__).parent.name == "raises":
            raise RuntimeError("no heart for metal")
        mu = case.mu + parameters.strength * (case.li_mu - case.mu)
        return MarResult(hu=(mu / 0.192 - 1) * 1000)
"""
MANIFEST = """
id = "{id}"
title = "{title}"
version = "1.0.0"
api = 1
entry = "method:Made"
"""


@pytest.fixture
def listings(tmp_path):
    found = []
    for method in ("full", "partial", "raises"):
        folder = tmp_path / "plugins" / method
        folder.mkdir(parents=True)
        (folder / "method.py").write_text(METHOD)
        (folder / "plugin.toml").write_text(MANIFEST.format(id=method, title=method.title()))
        found.append(Listing(method, folder, "test", read_manifest(folder)))
    return lambda: found


@pytest.fixture
def cases(make_case, tmp_path):
    write_known_case(make_case("a", scan=protocol("adn-256")), tmp_path / "cases")
    return tmp_path / "cases"


def test_methods_run_in_a_worker_from_case_files_to_tables(cases, tmp_path, listings, monkeypatch):
    monkeypatch.setattr(command, "WorkerMethods", functools.partial(WorkerMethods, listings=listings))
    told = []
    results = command.benchmark(
        "adn-256",
        ["partial", "full", "raises"],
        cases,
        tmp_path / "out",
        parameters={"partial": {"strength": 0.5}},
        device="cpu",
        on_progress=lambda fraction, text: told.append(fraction),
    )
    [sentence] = results.failures
    assert sentence.startswith("raises on a: ")
    assert "no heart for metal" in sentence
    record = json.loads((tmp_path / "out" / "results.json").read_text())["methods"]
    assert set(record) == {"input", "partial", "full", "fbp_ceiling", "loop_ceiling"}
    assert record["input"]["psnr_db"] < record["partial"]["psnr_db"] < record["full"]["psnr_db"]
    assert record["full"]["psnr_db"] < record["fbp_ceiling"]["psnr_db"]
    assert record["partial"]["parameters"] == {"strength": 0.5}
    assert 0 < record["full"]["seconds_per_slice"] < 60
    assert told == sorted(told)
    assert (tmp_path / "out" / "figures" / "full.png").is_file()


def test_unknown_names_are_refused(cases, tmp_path, listings):
    with pytest.raises(UsageError, match="no protocol"):
        command.benchmark("syndeep", ["full"], cases, tmp_path / "out")
    with pytest.raises(UsageError, match="nothing_like_it"):
        command.benchmark("adn-256", ["nothing_like_it"], cases, tmp_path / "out")


def test_a_folder_with_files_of_another_origin_is_refused_before_the_work(cases, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "table.md").write_text("my own table")
    with pytest.raises(UsageError, match="mine is not empty, and marview does not overwrite it"):
        command.benchmark("adn-256", ["nmar"], cases, folder)
    assert (folder / "table.md").read_text() == "my own table"
