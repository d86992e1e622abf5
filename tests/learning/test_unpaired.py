"""Unpaired batches: the slices of each stream, and their description."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marview.errors import BadInput
from marview.learning.api import Asked, Unpaired
from marview.learning.bank import Bank, read_banks
from marview.learning.pairs import SimulatedPairs
from marview.learning.recipe import Recipe
from marview.learning.unpaired import UnpairedBatches, unpaired_sources
from marview.physics.attenuation import mu_to_hu

CPU = torch.device("cpu")
STILL = {"flip": 0, "rotation_deg": 0, "scale": [1, 1], "shift_px": 0, "warp_px": 0, "crop": 0, "noise_hu": 0}


def recipe(paired: float = 0.0, **data) -> Recipe:
    return Recipe.model_validate(
        {
            "training": "training:Any",
            "optimiser": {"learning_rate": 1e-3},
            "data": {
                "kind": "unpaired",
                "paired": paired,
                "protocols": ["adn-256"],
                "reprojected": 0.0,
                "phantoms": 0.0,
                "augmentation": STILL | {"blur_px": 0},
                **data,
            },
            "run": {"steps": 2},
        }
    )


def body(tissue: int, *, metal: int = 0) -> np.ndarray:
    y, x = np.mgrid[:128, :128] - 63.5
    hu = np.where((x / 52) ** 2 + (y / 38) ** 2 < 1, tissue, -1000)
    hu[np.hypot(x, y) < 6] = metal or tissue
    return hu.astype(np.int16)


def stack(folder: Path, name: str, slices: list[np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    first, *rest = [Image.fromarray(hu) for hu in slices]
    first.save(folder / f"{name}.tif", save_all=True, append_images=rest)
    return folder


def bodies(image: torch.Tensor) -> float:
    """HU of tissue beside the centre."""
    return float(mu_to_hu(image[..., 100:110, 100:110]).mean())


def batches(paired: float = 0.0) -> UnpairedBatches:
    data = recipe(paired).data
    simulated = SimulatedPairs(Bank([body(0)], ["a"]), data, CPU, seed=1)
    return UnpairedBatches(simulated, Bank([body(200)], ["b"]))


def test_the_two_streams_show_different_slices() -> None:
    batch = batches()(0)
    assert batch.with_metal_mu.shape == batch.without_metal_mu.shape == (1, 256, 256)
    assert batch.truth_mu is None
    assert bodies(batch.without_metal_mu) == pytest.approx(200, abs=10)
    assert float(batch.without_metal_mu.max()) < 0.3 < float(batch.with_metal_mu.max())


def test_paired_batches_keep_their_truth() -> None:
    batch = batches(1.0)(0)
    assert batch.truth_mu is not None
    assert batch.metal is not None
    assert bool(batch.metal.any())
    assert bodies(batch.truth_mu) == pytest.approx(0, abs=10)


def test_the_same_number_gives_the_same_batch() -> None:
    one, same, other = (batches()(number) for number in (3, 3, 4))
    assert torch.equal(one.with_metal_mu, same.with_metal_mu)
    assert torch.equal(one.without_metal_mu, same.without_metal_mu)
    assert not torch.equal(one.with_metal_mu, other.with_metal_mu)


def test_real_metal_comes_from_its_own_folder(tmp_path: Path) -> None:
    clean = stack(tmp_path / "clean", "mine", [body(200), body(210), body(0, metal=3000)])
    metal = stack(tmp_path / "metal", "theirs", [body(0, metal=3000), body(10, metal=3000), body(300)])
    said: list[str] = []
    sources = unpaired_sources(Asked(clean, recipe(), CPU, tell=said.append, with_metal=metal))
    batch = sources.training(0)
    assert isinstance(batch, Unpaired)
    assert bodies(batch.with_metal_mu) == pytest.approx(0, abs=10)
    assert float(batch.with_metal_mu.max()) == pytest.approx(0.19 * 4, rel=0.1)
    assert bodies(batch.without_metal_mu) == pytest.approx(200, abs=10)
    assert sources.words.startswith(
        "1 slice with metal for training, 1 for validation; 1 without metal were left out; 1 slice without metal for"
    )
    real, simulated = sources.validation(1), sources.validation(0)
    assert real.truth_mu is None
    assert simulated.truth_mu is not None


def test_a_share_of_real_training_keeps_simulated_metal(tmp_path: Path) -> None:
    clean = stack(tmp_path / "clean", "mine", [body(200)] * 3)
    metal = stack(tmp_path / "metal", "theirs", [body(0, metal=3000)] * 2)
    batch = unpaired_sources(Asked(clean, recipe(1.0), CPU, with_metal=metal)).training(0)
    assert batch.truth_mu is not None
    assert bodies(batch.with_metal_mu) > 100


def test_no_slice_is_in_both_streams_of_simulated_metal(tmp_path: Path) -> None:
    folder = stack(tmp_path / "clean", "mine", [body(tissue) for tissue in (0, 50, 100, 150, 200)])
    training = unpaired_sources(Asked(folder, recipe(1.0), CPU)).training
    seen = [training(number) for number in range(6)]
    first = {round(bodies(each.truth_mu) / 50) * 50 for each in seen}
    second = {round(bodies(each.without_metal_mu) / 50) * 50 for each in seen}
    assert first <= {0, 100}
    assert second <= {50, 150}


def test_one_slice_cannot_be_split(tmp_path: Path) -> None:
    folder = stack(tmp_path / "clean", "mine", [body(0), body(20)])
    with pytest.raises(
        BadInput, match=r"contains only 1 slice without metal to train on\. Unpaired training needs two"
    ):
        unpaired_sources(Asked(folder, recipe(), CPU))


def test_a_folder_without_metal_is_refused_as_scans_with_metal(tmp_path: Path) -> None:
    folder = stack(tmp_path / "clean", "mine", [body(0), body(20)])
    with pytest.raises(BadInput, match=r"no slice with metal to train on \(2 slices with no metal, 0 without a body\)"):
        read_banks(folder, has_metal=True)
    with pytest.raises(BadInput, match=r"nowhere does not exist\. --with-metal takes"):
        read_banks(tmp_path / "nowhere", has_metal=True)


def test_other_processes_draw_other_clean_slices() -> None:
    both = replace(batches(), clean=Bank([body(tissue) for tissue in range(0, 200, 20)], list("abcdefghij")))
    second = replace(both, simulated=replace(both.simulated, process=1))
    assert any(not torch.equal(both(number).without_metal_mu, second(number).without_metal_mu) for number in range(3))
