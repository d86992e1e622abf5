"""The trained segmenter of metal, bone and muscle: its labels, its held-out patients, and a short training."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import segmenter
from benchmarks.clock import Clock
from marview.errors import BadInput
from marview.physics import protocol
from marview.slices.clean import CleanSlice


def slice_with_tissues(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """A body of fat with muscle and bone, and where its metal is."""
    hu, metal = np.full((48, 48), -1000, np.float32), np.zeros((48, 48), np.float32)
    hu[6:42, 6:42] = -90
    hu[10:24, 8 + shift : 38] = 60
    hu[28:38, 10 : 22 + shift] = 900
    metal[13:19, 14 + shift : 20 + shift] = 1
    return hu, metal


def example(shift: int) -> segmenter.Example:
    hu, metal = slice_with_tissues(shift)
    return segmenter.Example(hu, hu, metal, segmenter.labels_of(hu, metal))


def test_labels_are_metal_bone_muscle_and_the_rest() -> None:
    hu, metal = slice_with_tissues(0)
    hu[1:4, 2:46] = 60  # a couch beside the body
    labels = segmenter.labels_of(hu, metal)
    inner = [labels[16, 17], labels[33, 15], labels[20, 30], labels[39, 39], labels[2, 24]]
    assert inner == [segmenter.METAL, segmenter.BONE, segmenter.MUSCLE, segmenter.REST, segmenter.REST]


def test_noise_changes_few_labels() -> None:
    hu, metal = slice_with_tissues(0)
    noisy = (hu + np.random.default_rng(0).normal(0, 25, hu.shape)).astype(np.float32)
    assert np.mean(segmenter.labels_of(noisy, metal) != segmenter.labels_of(hu, metal)) < 0.05


def test_image_shows_the_metal_in_the_slice_or_in_its_scan() -> None:
    hu, metal = slice_with_tissues(0)
    made = segmenter.Example(hu, hu + 10, metal, segmenter.labels_of(hu, metal))
    assert np.array_equal(made.image(0, 4000, 0), np.where(metal, 4000, hu))
    assert np.array_equal(made.image(1, 4000, 0), np.where(metal, 4000, hu + 10))


def test_a_short_training_finds_all_tissues_in_another_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter, "WIDTH", 6)
    monkeypatch.setattr(segmenter, "BATCH", 4)
    network = segmenter.train([example(shift) for shift in (0, 2, 4, 6)], 120, Clock())
    segmenter.save(tmp_path / "folder" / "network.safetensors", network)
    network, held_out = segmenter.read(tmp_path / "folder" / "network.safetensors"), example(3)
    assert min(segmenter.overlaps(network, held_out.image(0, 4000, 0), held_out.labels)) > 0.7


def test_held_out_patients_are_not_trained_on() -> None:
    names = ["a", "", "b", "c", "d", "d", "e", ""]
    slices = [CleanSlice(str(number), lambda: np.zeros((1, 1), np.float32), name) for number, name in enumerate(names)]
    training, held_out = segmenter.divided(slices)
    assert {each.patient for each in held_out} == {"d"}
    assert [each.patient for each in training] == ["a", "", "b", "c", "e", ""]


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"segmenter-adn-256.safetensors does not exist"):
        segmenter.read(segmenter.weights_file(tmp_path, protocol("adn-256")))
