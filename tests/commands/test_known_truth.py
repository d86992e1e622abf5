import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from marview.cli import run
from marview.dicom import open_series
from marview.learning.weights import About, save_weights
from marview.mar import discovery


@pytest.fixture(scope="module")
def simulated(plain_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "pair"
    words = ["simulate", plain_series, "--implant", "random", "--material", "ti", "--protocol", "adn-256"]
    assert run([str(word) for word in [*words, "--output", folder, "--slices", "2-5"]]) == 0
    return folder


def test_simulate_writes_a_pair_that_differs_by_metal_and_streaks(simulated: Path) -> None:
    study, truth = open_series(simulated / "study"), open_series(simulated / "truth")
    assert study.volume.grid == truth.volume.grid
    assert study.volume.hu.shape == (4, 256, 256)
    assert study.volume.hu.max() > 3000 > 1500 > truth.volume.hu.max()


def test_evaluate_prints_one_table(marview: Callable, simulated: Path) -> None:
    words = ("evaluate", simulated / "study", "--truth", simulated / "truth", "--mask", simulated / "metal.nii.gz")
    assert "PSNR" in marview(*words).out
    record = marview(*words, "--json").record
    [result] = record["results"].values()
    assert 5 < result["psnr_db"] < 60
    number = str(record["slices"][0])
    assert marview(*words, "--json", "--slices", number).record["slices"] == [int(number)]
    assert marview(*words, "--slices", "99").exit_code == 2


def test_slices_hold_the_metal_that_the_whole_series_has_there(
    marview: Callable, plain_series: Path, simulated: Path, tmp_path: Path
) -> None:
    words = ("simulate", plain_series, "--implant", "random", "--material", "ti", "--protocol", "adn-256")
    assert marview(*words, "--output", tmp_path / "out", "--slices", "2-3").exit_code == 0
    part, whole = (open_series(folder / "metal.nii.gz").volume for folder in (tmp_path / "out", simulated))
    assert np.array_equal(part.hu, whole.hu[2:])
    np.testing.assert_allclose(part.grid.to_patient([0, 0, 0]), whole.grid.to_patient([2, 0, 0]), atol=1e-3)
    [case] = (tmp_path / "out" / "cases").glob("*[0-9].npz")
    assert case.name == "slices_0003.npz"
    with np.load(case) as file:
        assert list(file["slice_indices"]) == [3, 4]


@pytest.mark.parametrize("name", ["seg.dcm", "seg.nrrd", "seg.nii.gz"])
def test_evaluate_reads_every_mask_that_marview_writes(
    marview: Callable, simulated: Path, tmp_path: Path, name: str
) -> None:
    assert marview("mask", simulated / "study", "--threshold", "3000", "--output", tmp_path / name).exit_code == 0
    words = ("evaluate", simulated / "study", "--truth", simulated / "truth", "--mask", tmp_path / name, "--json")
    [result] = marview(*words).record["results"].values()
    assert 5 < result["ring"]["psnr_db"] < 60


def test_benchmark_ranks_li_above_the_input_and_resumes(marview: Callable, simulated: Path, tmp_path: Path) -> None:
    words = ("benchmark", "--cases", simulated / "cases", "--method", "linear_interpolation", "--protocol", "adn-256")
    answer = marview(*words, "--output", tmp_path / "tables")
    assert answer.exit_code == 0, answer.err
    record = json.loads((tmp_path / "tables" / "results.json").read_text())
    measured = record["methods"]["linear_interpolation"]
    assert record["protocol"] == "adn-256"
    assert np.isfinite(
        [measured["psnr_db"], measured["ssim"], measured["rmse_hu"], measured["seconds_per_slice"]]
    ).all()
    again = marview(*words, "--output", tmp_path / "tables")
    assert again.exit_code == 0
    assert json.loads((tmp_path / "tables" / "results.json").read_text())["methods"] == record["methods"]


METHOD = """
from pydantic import BaseModel
from marview.learning.guard import warnings
from marview.methods.api import MarResult

class Learned:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        hu = MarResult.from_sinogram(case, case.li_sinogram).hu
        return MarResult(hu, notes=warnings(case, job.about_weights("weights.safetensors")))
"""
MANIFEST = """
id = "learned_elsewhere"
title = "Learned elsewhere"
version = "1.0.0"
api = 1
entry = "method:Learned"

[[weights]]
file = "weights.safetensors"
sha256 = "{}"
trained_on = "other scans"
licence = "MIT"
"""


def test_benchmark_names_a_scan_that_weights_were_not_trained_on(
    marview: Callable, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "methods" / "learned_elsewhere"
    folder.mkdir(parents=True)
    weights = folder / "weights.safetensors"
    about = About("learned_elsewhere", "1.0.0", {}, ("dudonet-640",), limits={"trace_share": (0.0, 1e-6)})
    save_weights(weights, {"one": torch.ones(1)}, about)
    (folder / "method.py").write_text(METHOD)
    (folder / "plugin.toml").write_text(MANIFEST.format(hashlib.sha256(weights.read_bytes()).hexdigest()))
    monkeypatch.setattr(discovery, "user_plugins", lambda: tmp_path / "methods")
    words = ("benchmark", "--cases", simulated / "cases", "--method", "learned_elsewhere")
    first, resumed = (marview(*words, "--output", tmp_path / "tables") for _ in range(2))
    assert first.exit_code == resumed.exit_code == 0, first.err
    table = (tmp_path / "tables" / "table.md").read_text()
    record = json.loads((tmp_path / "tables" / "results.json").read_text())
    scan, trace = record["methods"]["learned_elsewhere"]["notes"]
    assert "not trained on. The network was trained on dudonet-640. Check" in scan["sentence"]
    assert trace["sentence"].startswith("4 slices: metal hides")
    for said in (first.out, resumed.out, table):
        assert f"- Learned elsewhere: {scan['sentence']}" in said
        assert trace["sentence"] in said


@pytest.mark.parametrize(
    ("changed", "exit_code", "said"),
    [
        (("--implant", "halo"), 2, "halo"),
        (("--material", "unobtainium"), 2, "unobtainium"),
        (("--material", "water"), 2, "no metal 'water'"),
        (("--protocol", "no-such"), 2, "no-such"),
        (("--slices", "4-99"), 2, "--slices"),
    ],
)
def test_simulate_refuses(
    marview: Callable, plain_series: Path, tmp_path: Path, changed: tuple[str, str], exit_code: int, said: str
) -> None:
    words = {"--implant": "random", "--output": str(tmp_path / "out")} | dict([changed])
    answer = marview("simulate", plain_series, *[part for pair in words.items() for part in pair])
    assert answer.exit_code == exit_code
    assert said in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("--method", "no_such"), 2, "no_such"),
        (("--method", ","), 2, "--method"),
        (("--method", "nmar", "--protocol", "no-such"), 2, "no-such"),
    ],
)
def test_benchmark_refuses(
    marview: Callable, simulated: Path, tmp_path: Path, words: tuple[str, ...], exit_code: int, said: str
) -> None:
    answer = marview("benchmark", "--cases", simulated / "cases", "--output", tmp_path / "tables", *words)
    assert answer.exit_code == exit_code
    assert said in answer.err


def test_a_benchmark_without_a_usable_case_writes_its_table_and_ends_with_3(marview: Callable, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    for name in ("b.npz", "b.truth.npz"):
        (tmp_path / "cases" / name).write_text("no case")
    words = ("--cases", tmp_path / "cases", "--method", "linear_interpolation", "--output", tmp_path / "tables")
    answer = marview("benchmark", *words)
    assert answer.exit_code == 3
    assert answer.err.strip().endswith(
        "could be used, so the tables are empty. The notes of the tables give the reasons."
    )
    assert "b.npz is not a case file of marview, or it is damaged" in (tmp_path / "tables" / "table.md").read_text()
