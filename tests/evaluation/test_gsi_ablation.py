"""The ablation of Latent GSI Alignment: its rows, a short training of them, and its table."""

import dataclasses
import itertools
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gsi_ablation
from benchmarks.gsi_surrogates import METHOD, module
from marview.learning.recipe import read_recipe
from marview.metrics import Measures

SIZE = 64
MEASURES = Measures(**{each.name: 1.0 for each in dataclasses.fields(Measures)})


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Discs with a rod of metal and a band beside it, two scenes for training and two held out."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    y, x = torch.meshgrid(*(torch.arange(SIZE) - SIZE / 2,) * 2, indexing="ij")
    clean, mask = torch.where(torch.hypot(x, y) < 28, 40.0, -1000.0), torch.hypot(x - 5, y) < 3
    for kind in ("training", "validation"):
        for number in range(2):
            ordinary = torch.where(mask, 2900.0, clean - 300 * torch.exp(-((y / (4 + number)) ** 2)))
            scanned = module("surrogate").Scanned(
                ordinary_hu=ordinary.repeat(3, 1, 1),
                clean_hu=clean.repeat(3, 1, 1),
                gsi_hu=torch.where(mask, 2800.0, clean),
                mask=mask,
                kind=0,
            )
            module("kept").save_scene(module("kept").scene_file(folder, kind, number), scanned)
    return folder


def test_each_row_adds_one_thing_to_the_row_before():
    steps = [
        gsi_ablation.AUTOENCODERS[arm.autoencoder] | arm.settings
        for arm in gsi_ablation.ARMS
        if arm.settings is not None
    ]
    whole = [{"sees_mask": True, "sees_implant": True} | each for each in steps]
    changed = [{k for k in one | other if one.get(k) != other.get(k)} for one, other in itertools.pairwise(whole)]
    assert changed == [set(gsi_ablation.AUTOENCODERS["vae"]), {"sees_mask"}, {"sees_implant"}, {"invariant"}]


def test_rows_are_trained_once_and_metal_is_kept(scenes, tmp_path, monkeypatch, capsys):
    tiny = {"autoencoder": "tiny_autoencoder", "bundled": "tiny"}
    monkeypatch.setattr(gsi_ablation, "read_recipe", lambda method, size: read_recipe(method, tiny[size]))
    output = tmp_path / "out"
    command = ["gsi_ablation", "--scenes", str(scenes), "--output", str(output), "--steps", "2", "2", "--rows", "3"]
    monkeypatch.setattr(sys, "argv", command)
    gsi_ablation.main()
    assert "vae-alignment-without-priors: step 0 of 2" in capsys.readouterr().out
    gsi_ablation.main()
    printed = capsys.readouterr().out
    assert "step" not in printed.replace("steps", "")
    rows = [[cell.strip() for cell in line.split("|")] for line in printed.splitlines() if line.startswith("|")]
    assert [row[1] for row in rows[2:]] == ["uncorrected", *(arm.title for arm in gsi_ablation.ARMS[:3])]
    found = gsi_ablation.measured(gsi_ablation.ARMS[:3], output, scenes)
    assert all(each.ious == [1.0, 1.0] for each in found.values())


def test_a_network_alone_decodes_the_code_near_metal(scenes, tmp_path, monkeypatch):
    settings = read_recipe(METHOD, "tiny").network | {"adds_change": False}
    network = module("network").build(settings).eval()
    scene = module("kept").read_scene(module("kept").scene_files(scenes, "validation")[0], 3)
    hu = gsi_ablation.corrected(network, scene)
    assert torch.equal(hu[scene.mask], scene.ordinary_hu[1][scene.mask])
    assert not torch.equal(hu, scene.ordinary_hu[1])


def test_table_counts_slices_that_are_better_than_in_the_row_before():
    def found(*near_hu: float) -> gsi_ablation.Found:
        measures = [dataclasses.replace(MEASURES, ring_rmse_hu=each) for each in near_hu]
        return gsi_ablation.Found(measures, [0.5, 0.7], [0.01, 0.03])

    lines = gsi_ablation.table({"first": found(4, 4), "second": found(3, 5), "third": found(2, 4)}).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["", "1 of 2", "2 of 2"]
    assert "0.600 |" in lines[2]
    assert "0.0200 |" in lines[2]
