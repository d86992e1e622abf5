"""Tests for the surrogates of spectral CT, their files, and the training data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.learning.api import Asked
from marview.learning.bank import Bank
from marview.learning.recipe import Data, read_recipe
from marview.physics import material

HERE = Path(__file__).parent
HOW = Data(protocols=("adn-256",), phantoms=0.0, metal={"materials": ("ti6al4v",), "implants": 0.0, "pieces": (1, 2)})


def scanned(room: Any, made: Any, number: int = 0) -> Any:
    scene = room.surrogate.draw_scene(made.disc_bank(), HOW, (0, number), 3)
    return scene, room.surrogate.scan(scene, torch.device("cpu"), 3)


def test_scene_is_the_same_for_the_same_seed(room: Any, made: Any) -> None:
    (one, seen), (again, seen_again) = scanned(room, made), scanned(room, made)
    assert np.array_equal(one.hu, again.hu)
    assert torch.equal(seen.ordinary_hu, seen_again.ordinary_hu)
    assert one.kernel == again.kernel


def test_spectral_slice_keeps_metal_and_has_fewer_artifacts(room: Any, made: Any) -> None:
    better = []
    for number in range(3):
        _, seen = scanned(room, made, number)
        truth, mask = seen.clean_hu[1], seen.mask
        near = room.batches.nearness(mask[None], 40.0)[0] > 0
        errors = [float((each - truth)[near].square().mean().sqrt()) for each in (seen.ordinary_hu[1], seen.gsi_hu)]
        better.append(errors[1] / errors[0])
        assert float(seen.gsi_hu[mask].max()) > 1500
        assert seen.ordinary_hu.shape == seen.clean_hu.shape == (3, 256, 256)
    assert max(better) < 0.8


def test_metal_attenuates_less_at_the_spectral_energy_and_tissue_keeps_its_values(room: Any, made: Any) -> None:
    for name in ("ti", "316l"):
        metal = material(name)
        assert room.surrogate.at_spectral_energy(metal).mu < 0.75 * metal.mu
    _, seen = scanned(room, made)
    bone = (seen.clean_hu[1] > 500) & (room.batches.nearness(seen.mask[None], 30.0)[0] == 0) & ~seen.mask
    if bone.any():
        assert abs(float((seen.gsi_hu - seen.clean_hu[1])[bone].mean())) < 60


def test_neighbours_are_similar_pages_of_the_same_stack(room: Any, made: Any) -> None:
    bank = made.disc_bank()
    assert room.surrogate.volume_around(bank, 1, 3).shape == (3, 256, 256)
    assert room.surrogate.volume_around(bank, 0, 3).shape == (1, 256, 256)
    others = (
        Bank(bank.slices, ["disc_000", "other_001", "disc_002"]),
        Bank(bank.slices, ["disc_000", "disc_001", "disc_003"]),
        Bank([bank.slices[0], bank.slices[1], bank.slices[2][::-1, ::-1].T], bank.names),
    )
    for other in others:
        assert room.surrogate.volume_around(other, 1, 3).shape == (1, 256, 256)


def test_scenes_come_back_from_their_files(room: Any, made: Any, tmp_path: Path) -> None:
    _, seen = scanned(room, made)
    path = room.kept.scene_file(tmp_path, "training", 3)
    room.kept.save_scene(path, seen)
    assert room.kept.scene_files(tmp_path, "training") == (path,)
    again = room.kept.read_scene(path, 3)
    assert torch.equal(again.mask, seen.mask)
    assert again.kind == seen.kind
    for name in ("ordinary_hu", "clean_hu", "gsi_hu"):
        assert torch.allclose(getattr(again, name), getattr(seen, name).clamp(-32768, 32767), atol=0.51)
    alone = room.kept.read_scene(path, 1)
    assert torch.equal(alone.ordinary_hu, again.ordinary_hu[1:2])
    assert torch.equal(alone.gsi_hu, again.gsi_hu)
    with pytest.raises(BadInput, match="contains 3 neighbouring slices, but the recipe needs 5"):
        room.kept.read_scene(path, 5)


def test_batch_names_its_middle_slices_as_unpaired_training_does(room: Any, made: Any) -> None:
    _, seen = scanned(room, made)
    batch = room.kept.batch_of([seen, seen], torch.device("cpu"))
    assert len(batch) == 2
    assert torch.equal(batch.metal, batch.mask)
    assert torch.allclose(batch.truth_mu[0], ((seen.gsi_hu + 1000) * 0.000192).clamp(min=0), atol=1e-4)
    assert torch.allclose(batch.with_metal_mu[0], ((seen.ordinary_hu[1] + 1000) * 0.000192).clamp(min=0), atol=1e-4)


@pytest.fixture
def folder(room: Any, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is read as a bank of metal-free slices of one body."""
    bank = made.disc_bank()
    banks = type(
        "Banks",
        (),
        {"training": bank, "validation": bank, "words": "3 slices without metal for training and validation"},
    )
    monkeypatch.setattr(room.sources, "read_banks", lambda *_: banks)
    return tmp_path


def test_a_run_says_that_its_spectral_images_are_surrogates(room: Any, folder: Path) -> None:
    recipe = read_recipe(HERE, "tiny").model_copy(update={"data": HOW.model_copy(update={"batch": 1})})
    sources = room.alignment_training.AlignmentTraining().sources(Asked(folder, recipe, torch.device("cpu")))
    assert "surrogates of spectral images: simulated" in sources.words
    one, again, held_out = sources.training(1), sources.training(1), sources.validation(0)
    assert torch.equal(one.gsi_hu, again.gsi_hu)
    assert held_out.gsi_hu.shape == one.gsi_hu.shape


def test_scenes_are_made_once_and_shown_again_in_another_order(room: Any, folder: Path) -> None:
    counts = {"training": 3, "validation": 1}
    told: list[float] = []
    make = room.sources.make_scenes
    make(folder, folder / "scenes", HOW, 3, counts, 0, lambda done, _: told.append(done))
    assert told[-1] == 1
    times = [each.stat().st_mtime_ns for each in room.kept.scene_files(folder / "scenes", "training")]
    make(folder, folder / "scenes", HOW, 3, counts, 0, lambda *_: None)
    assert times == [each.stat().st_mtime_ns for each in room.kept.scene_files(folder / "scenes", "training")]
    recipe = read_recipe(HERE, "tiny").model_copy(update={"data": HOW.model_copy(update={"batch": 3})})
    asked = Asked(folder / "scenes", recipe, torch.device("cpu"))
    sources = room.alignment_training.AlignmentTraining().sources(asked)
    assert sources.words.startswith("3 scenes for training, 1 for validation; surrogates")
    sums = [sorted(sources.training(turn).gsi_hu.mean(dim=(1, 2)).tolist()) for turn in (0, 1)]
    assert sums[0] == pytest.approx(sums[1])
    for each in room.kept.scene_files(folder / "scenes", "validation"):
        each.unlink()
    with pytest.raises(BadInput, match="contains no validation scenes"):
        room.sources.sources_of(asked)
