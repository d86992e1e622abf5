"""Tests for training data on the command line: a patient's own scan, or slices of many patients."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from marview.errors import BadInput
from marview.learning.api import Asked
from marview.learning.patient import PatientScan
from marview.learning.recipe import read_recipe
from marview.learning.scenes import Scene
from marview.physics.attenuation import MU_WATER

RECIPE = read_recipe(Path(__file__).parent, "tiny")
CPU = torch.device("cpu")


def test_training_on_a_scan_holds_slices_out(room, made, monkeypatch) -> None:
    clean, masks = made.bodies(10)
    field_mm = made.SIZE * made.PIXEL_MM
    few = PatientScan(clean[:1], masks, field_mm)
    scans = [PatientScan(clean, masks, field_mm), few, PatientScan(clean * 1.1, masks, field_mm)]
    monkeypatch.setattr(room.training, "read_patient", lambda path: scans)
    told: list[str] = []
    trainable = room.training.NearHipTraining()
    sources = trainable.sources(Asked(Path("scan"), RECIPE, CPU, tell=told.append, is_patient=True))
    training, held_out = sources.training, sources.validation
    assert sources.words == (
        "16 slices without metal and 20 masks of metal of 2 scans for training, 4 slices for validation"
    )
    assert [len(each.clean_mu) for each in training.patients] == [8, 8]
    assert [len(each.clean_mu) for each in held_out.patients] == [2, 2]
    tissue = [float(each.clean_mu[each.clean_mu > 0.15].mean()) for each in training.patients]
    assert tissue == pytest.approx([MU_WATER] * 2, rel=0.02)
    assert "A scan was left out because it has only 1 slice without metal." in told
    monkeypatch.setattr(room.training, "read_patient", lambda path: [few])
    with pytest.raises(BadInput, match=r"^scan has 1 slice without metal .* at least 3 .* --data"):
        trainable.sources(Asked(Path("scan"), RECIPE, CPU, tell=told.append, is_patient=True))


def test_slices_of_many_are_varied_and_made_alike_and_have_metal_drawn_into_them(room, scans: Path) -> None:
    told: list[str] = []
    trainable = room.training.NearHipTraining()
    sources = trainable.sources(Asked(scans, RECIPE, CPU, tell=told.append))
    assert sources.words == "5 slices without metal for training, 1 for validation; metal is drawn into them"
    assert sources.collections == ("Ours (MIT): 4 slices",)
    assert "Reading mine.tif." in told
    seen = [sources.training(number) for number in range(6)]
    for one in seen:
        for mu in one.truth_mu:
            assert float(mu[mu > 0.15].mean()) == pytest.approx(MU_WATER, rel=0.05)
        assert torch.equal(one.sinogram[~one.trace], one.metal_free_sinogram[~one.trace])
        assert torch.equal(one.trace, one.projector.trace(one.metal))
    assert not torch.equal(seen[0].truth_mu, seen[1].truth_mu)
    again = trainable.sources(Asked(scans, RECIPE, CPU, tell=told.append))
    assert torch.equal(again.training(3).sinogram, seen[3].sinogram)
    other = trainable.sources(Asked(scans, RECIPE, CPU, process=1))
    assert not torch.equal(other.training(3).truth_mu, seen[3].truth_mu)
    first, second = (sources.validation(number) for number in range(2))
    assert torch.equal(first.truth_mu, second.truth_mu)  # the same slice without variation, but with different metal
    assert not torch.equal(first.metal, second.metal)


def test_slices_of_any_brightness_are_shown_alike(room, made) -> None:
    clean, masks = made.bodies(2)
    scan = room.patient.SmallScan(64, 45, 416.0)
    metal = {"ti": masks.numpy().astype(np.float32)}

    def pairs(factor: float) -> Any:
        hu = np.maximum(factor * (clean.numpy() + 1000) - 1000, -1000)
        scene = Scene(hu, metal, "adn-256", 1.0, "", 3071.0, 0)
        return room.patient.ScenePairs(scan, lambda number: scene, CPU)(0)

    usual, brighter = pairs(1.0), pairs(1.2)
    torch.testing.assert_close(usual.truth_mu, brighter.truth_mu, atol=1e-3, rtol=0)
    for one in usual.truth_mu:
        assert float(one[one > 0.1].mean()) == pytest.approx(MU_WATER, rel=0.02)
    assert torch.equal(usual.metal, scan.mask(masks))


def test_slices_without_tissue_for_metal_are_a_sentence(room, scans: Path) -> None:
    Image.fromarray(np.where(np.arange(64) % 64 < 40, 300, 0)[None].repeat(64, 0).astype(np.uint16)).save(
        scans / "mine.tif"
    )  # the body is only fat, -424 HU
    sources = room.training.of_slices(Asked(scans / "mine.tif", RECIPE, CPU))
    with pytest.raises(BadInput, match="tissue"):
        sources.validation(0)
