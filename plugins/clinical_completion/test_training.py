"""Tests for the network's training and its simulated scenes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.learning.bank import Bank


def batch(room: Any, discs: Any, slices: int = 2) -> Any:
    """Return a batch of slices with a metal rod."""
    pairs = discs(slices, is_clinical=True)
    estimates = room.estimates.Estimates(pairs.case())
    planes = torch.cat([estimates.planes(k) for k in range(slices)])
    parts = zip(planes, room.planes.to_unit(pairs.truth_mu), strict=True)
    return room.batches.PriorBatch.of(list(parts), torch.device("cpu"))


def test_error_is_relative_to_that_of_nmar(room: Any) -> None:
    truth, weight = torch.zeros(2, 8, 8), torch.ones(2, 8, 8)
    nmar = torch.full_like(truth, 0.2)

    def error(estimate: torch.Tensor) -> float:
        return float(room.training.relative_error(estimate, nmar, truth, weight))

    assert error(truth) < 0.02
    assert error(nmar) == pytest.approx(1, abs=0.01)
    assert error(nmar / 2) == pytest.approx(0.5, abs=0.01)


def test_metal_does_not_count_and_its_neighbourhood_counts_most(room: Any) -> None:
    planes = torch.zeros(8, 100, 8)
    planes[room.planes.METAL, 0] = 1
    truth = torch.zeros(100, 8)
    truth[40:] = -1
    weight = room.batches.PriorBatch.of([(planes, truth)], torch.device("cpu")).weight[0, :, 0].tolist()
    assert weight[0] == 0
    assert weight[1] < weight[10] == 1
    assert weight[10] > weight[30] > weight[50] > weight[80] > 0


def test_losses_of_a_new_network_equal_nmar(room: Any, made: Any, discs: Any) -> None:
    training = room.training.PriorTraining()
    whole = training.losses(training.build(made.SMALL).eval(), batch(room, discs), "all", {})
    assert float(whole["relative"].detach()) == pytest.approx(1, abs=0.05)
    network = training.build(made.SMALL).train()
    training.losses(network, batch(room, discs), "all", {})["relative"].backward()
    assert network.leave.weight.grad.any()
    pictures = training.pictures(network.eval(), batch(room, discs), {})
    assert pictures["result"].shape == (48, 48)


def test_crops_lie_near_metal(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.training, "_JITTER_PX", 2)
    planes = torch.zeros(1, 10, 64, 64)
    planes[0, room.planes.METAL, 50, 12] = 1
    for _ in range(8):
        part = room.training.crops(planes, 16)
        assert part.shape == (1, 10, 16, 16)
        assert part[0, room.planes.METAL].sum() == 1
    assert room.training.crops(torch.zeros(1, 10, 8, 8), 16).shape == (1, 10, 8, 8)


def test_scene_is_the_same_for_the_same_seed_and_contains_metal(room: Any) -> None:
    body = np.full((416, 416), -1000, np.int16)
    y, x = np.mgrid[:416, :416] - 208
    body[(x / 170) ** 2 + (y / 110) ** 2 < 1] = 40
    bank = Bank([body], ["disc"])
    one, again = (room.scenes.draw_clinical(bank, (0, 1), slices=2) for _ in range(2))
    assert np.array_equal(one.hu, again.hu)
    assert one.protocol == again.protocol
    total = np.sum(list(one.metal.values()), axis=0)
    assert (total.max(axis=(1, 2)) > 0.3).all()
    assert len(one.masks) == len(one.scales_hu) == 2


def test_slices_come_back_from_their_files(room: Any, tmp_path: Path) -> None:
    planes, truth = torch.rand(3, 8, 6, 6), torch.rand(3, 6, 6)
    path = room.kept.scene_file(tmp_path, "training", 3)
    room.kept.save_scene(path, room.clinical.Scanned(planes, truth))
    assert room.kept.scene_files(tmp_path, "training") == (path,)
    assert room.kept.scene_files(tmp_path, "validation") == ()
    assert room.kept.slices_of(path) == 3
    read = room.kept.read_slice(path, 2)
    torch.testing.assert_close(read[0], planes[2], atol=1e-3, rtol=0)
    torch.testing.assert_close(read[1], truth[2], atol=1e-3, rtol=0)


def test_scene_of_another_version_is_a_sentence(room: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"truth_mu": torch.zeros(1)}, tmp_path / "training_00000.safetensors")
    with pytest.raises(BadInput, match="another version"):
        room.kept.slices_of(tmp_path / "training_00000.safetensors")


def test_batches_of_the_same_number_are_the_same(room: Any, tmp_path: Path) -> None:
    for number in range(2):
        scanned = room.clinical.Scanned(torch.rand(3, 8, 6, 6), torch.rand(3, 6, 6))
        room.kept.save_scene(room.kept.scene_file(tmp_path, "training", number), scanned)
    files = room.kept.scene_files(tmp_path, "training")
    source = room.sources.KeptSlices(files, 4, torch.device("cpu"), seed=1)
    assert torch.equal(source(7).planes, source(7).planes)
    assert not torch.equal(source(7).planes, source(8).planes)
    in_order = room.sources.KeptSlices(files, 4, torch.device("cpu"))
    assert torch.equal(in_order(0).planes[1], room.kept.read_slice(files[1], 0)[0])
    assert torch.equal(in_order(0).planes[2], room.kept.read_slice(files[0], 1)[0])


def test_folder_with_one_kind_of_scenes_is_a_sentence(room: Any, tmp_path: Path) -> None:
    from marview.learning.api import Asked
    from marview.learning.recipe import read_recipe

    (tmp_path / "training_00000.safetensors").touch()
    recipe = read_recipe(Path(room.sources.__file__).parent, "tiny")
    with pytest.raises(BadInput, match="no validation scenes"):
        room.sources.sources_of(Asked(tmp_path, recipe, torch.device("cpu")))


@pytest.mark.slow
def test_scene_of_a_scanner_has_planes(room: Any) -> None:
    body = np.full((416, 416), -1000, np.int16)
    y, x = np.mgrid[:416, :416] - 208
    body[(x / 170) ** 2 + (y / 110) ** 2 < 1] = 40
    source = room.sources.SimulatedScenes(Bank([body], ["disc"]), 1, torch.device("cpu"), (0, 1))
    scanned = source.scene(0)
    assert scanned.planes.shape == (1, 8, 416, 416)
    assert scanned.truth.shape == (1, 416, 416)
    assert source(0).planes.shape == (1, 8, 416, 416)


@pytest.mark.slow
def test_network_memorises_eight_slices(room: Any, made: Any, discs: Any, learn_by_heart: Any) -> None:
    torch.manual_seed(0)
    slices, training = batch(room, discs, 8), room.training.PriorTraining()
    network = training.build(made.SMALL | {"widths": [16, 32], "crop_px": 0})
    learn_by_heart(network, lambda _: training.losses(network, slices, "all", {})["relative"], steps=200, rate=4e-3)
    with torch.no_grad():
        assert float(training.losses(network.eval(), slices, "all", {})["relative"]) < 0.5
