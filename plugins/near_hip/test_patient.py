"""Tests for training pairs from a patient's slices."""

import pytest
import torch

from marview.physics.attenuation import hu_to_mu


def test_pairs_are_of_their_number_alone(room, made) -> None:
    clean, masks = made.bodies(6)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM), clean, masks)
    pairs = room.patient.NearHipPairs((patient,), 2, 7)
    one, again, other = pairs(3), pairs(3), pairs(4)
    assert torch.equal(one.metal, again.metal)
    assert torch.equal(one.truth_mu, again.truth_mu)
    assert not torch.equal(one.metal, other.metal)
    assert torch.equal(one.sinogram[~one.trace], one.metal_free_sinogram[~one.trace])


def test_changed_masks_stay_in_the_body_and_keep_their_size_about(room, made) -> None:
    clean, masks = made.bodies(6)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM), clean, masks)
    chance = torch.Generator().manual_seed(0)
    area = float(masks[0].sum())
    for _ in range(20):
        mask = room.patient.changed_mask(patient, 2, chance)
        assert float((mask & (patient.clean_mu[2] > 0.1)).sum() / mask.sum()) > 0.9
        assert area / 3 < float(mask.sum()) < area * 3


def test_brightness_makes_tissue_water(room) -> None:
    hu = torch.tensor([-1000.0, -500.0, 100.0, 300.0])
    scale = room.patient.brightness(hu)
    assert float((hu_to_mu(hu[2:]) * scale).mean()) == pytest.approx(0.192)


@pytest.mark.parametrize(("count", "held_out"), [(1, []), (2, [1]), (3, [2]), (8, [2, 7]), (22, [2, 7, 12, 17])])
def test_every_fifth_slice_is_held_out_but_never_the_only_one(room, made, count: int, held_out: list[int]) -> None:
    clean, masks = made.bodies(count)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM), clean, masks)
    learned_from, other = patient.parted()
    assert torch.equal(other.clean_mu, patient.clean_mu[held_out])
    assert torch.equal(learned_from.clean_mu, patient.clean_mu[[k for k in range(count) if k not in held_out]])
