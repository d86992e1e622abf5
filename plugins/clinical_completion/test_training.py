"""Tests of the training of the trace network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.learning.bank import Bank


def test_losses_are_shares_of_what_nmar_leaves(room: Any, made: Any, discs: Any) -> None:
    pairs = room.clinical.ClinicalPairs.of(discs(3, is_clinical=True))
    training = room.training.TraceTraining()
    flat = made.SMALL | {"steepness": 0.0}
    whole = float(training.losses(training.build(flat).eval(), pairs, "all", {})["trace"].detach())
    assert 0.3 < whole < 1
    losses = training.losses(training.build(made.SMALL).train(), pairs, "all", {})
    losses["trace"].backward()
    assert set(losses) == {"trace"}
    assert set(training.pictures(training.build(made.SMALL).eval(), pairs, {})) == {"result", "corrected_sinogram"}


def test_blocks_lie_around_the_trace_and_go_on_in_a_circle(room: Any) -> None:
    trace = torch.zeros(1, 64, 96, dtype=torch.bool)
    trace[0, :, 70:74] = True
    planes = torch.arange(64.0)[None, None, :, None].expand(1, 1, 64, 96)
    how = room.settings.Blocks(views=32, bins=32, count=12)
    torch.manual_seed(0)
    blocks = room.training.cut(torch.cat([planes, trace[:, None].float()], dim=1), trace, how)
    assert blocks.shape == (12, 2, 32, 32)
    assert (blocks[:, 1].sum(dim=(1, 2)) == 4 * 32).all()
    steps = blocks[:, 0].diff(dim=1)[..., 0] % 64
    assert set(steps.flatten().tolist()) <= {1.0, 63.0}


def test_scene_is_the_same_for_the_same_seed_and_holds_metal(room: Any) -> None:
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


def test_scenes_come_back_from_their_files(
    room: Any, discs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = room.clinical.ClinicalPairs.of(discs(2, is_clinical=True))
    monkeypatch.setattr(room.kept, "SIZE", 48)
    monkeypatch.setattr(room.kept, "processing_beam", lambda pixel_mm: pairs.projector.beam)
    path = room.kept.scene_file(tmp_path, "training", 3)
    room.kept.save_scene(path, pairs)
    assert room.kept.scene_files(tmp_path, "training") == [path]
    assert room.kept.scene_files(tmp_path, "validation") == []
    read = room.kept.read_scene(path, torch.device("cpu"))
    torch.testing.assert_close(read.sinogram, pairs.sinogram, atol=4e-3, rtol=0)
    assert torch.equal(read.trace, pairs.trace)
    assert read.projector == pairs.projector


def test_folder_with_one_kind_of_scenes_is_a_sentence(room: Any, tmp_path: Path) -> None:
    from marview.learning.api import Asked
    from marview.learning.recipe import read_recipe

    (tmp_path / "training_00000.safetensors").touch()
    recipe = read_recipe(Path(room.sources.__file__).parent, "tiny")
    with pytest.raises(BadInput, match="no validation scenes"):
        room.sources.sources_of(Asked(tmp_path, recipe, torch.device("cpu")))


def test_network_adds_nothing_that_the_remainder_does_not_show(room: Any, made: Any) -> None:
    planes = torch.rand(2, 6, 64, 75)
    planes[:, 1] = 1
    planes[1, 0] = 0
    change = made.small(room).whole(planes)
    assert change.shape == (2, 64, 75)
    assert change[0].any()
    assert not change[1].any()


@pytest.mark.slow
def test_network_memorises_which_remainders_are_tissue(room: Any, made: Any, learn_by_heart: Any) -> None:
    torch.manual_seed(0)
    planes = torch.zeros(2, 6, 64, 96)
    planes[:, 1, :, 30:60] = 1
    planes[:, 0, :, 30:60] = 0.1 * torch.randn(2, 64, 30)
    planes[:, 3] = 0.5
    planes[0, 5], planes[1, 5] = -3.0, -1.0  # a weak residual is tissue, a strong one is noise
    missing = planes[:, 0] * torch.tensor([1.0, 0.0])[:, None, None]
    wanted = torch.stack([missing, planes[:, 1] / 0.005], dim=1)
    network = made.small(room, width=8)
    learn_by_heart(network, lambda _: room.training.error(network(planes), wanted, 4.0), steps=300, rate=3e-2)
    with torch.no_grad():
        change = network(planes)
    torch.testing.assert_close(change[0], missing[0], atol=0.02, rtol=0)
    assert float(change[1].abs().max()) < 0.02
