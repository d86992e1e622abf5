"""Faint lesions that training draws into images, and the share of them that a result misses."""

import pytest
import torch
from torch import Tensor

from marview.learning.contrast import faint_lesions, lost_contrast
from marview.physics.attenuation import MU_WATER

SIZE, REACH_PX = 128, 32
UNIT_PER_HU = 4 * MU_WATER / 1000
WATER, AIR = 4 * MU_WATER - 1, -1.0


def tissue(count: int = 1) -> tuple[Tensor, Tensor]:
    """Soft tissue with metal in the middle, and 1 outside that metal."""
    truth, away = torch.full((count, 1, SIZE, SIZE), WATER), torch.ones(count, 1, SIZE, SIZE)
    away[..., 60:66, 60:66] = 0
    return truth, away


def test_lesions_are_faint_bright_or_dark_and_mostly_near_metal() -> None:
    torch.manual_seed(0)
    truth, away = tissue(20)
    lesions = faint_lesions(truth, away)
    assert float(lesions.amax()) > 20 * UNIT_PER_HU
    assert float(lesions.amin()) < -20 * UNIT_PER_HU
    core = lesions.abs() > 5 * UNIT_PER_HU
    assert bool(core.flatten(1).any(dim=1).all())
    near = core[..., 60 - REACH_PX : 66 + REACH_PX, 60 - REACH_PX : 66 + REACH_PX]
    assert int(near.sum()) > 0.9 * int(core.sum())


def test_lesions_lie_in_soft_tissue() -> None:
    truth, away = tissue()
    truth[..., : SIZE // 2] = AIR
    core = faint_lesions(truth, away).abs() > 5 * UNIT_PER_HU
    assert int(core[..., : SIZE // 2 - 8].sum()) == 0
    assert int(core.sum()) > 0


def test_slices_without_soft_tissue_get_no_lesions_and_lose_nothing() -> None:
    _, away = tissue()
    lesions = faint_lesions(torch.full_like(away, AIR), away)
    assert not bool(lesions.any())
    assert float(lost_contrast(away, away + 1, lesions)) == 0


def test_lesions_for_measurements_are_always_the_same_and_leave_the_random_numbers_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (faint_lesions(*tissue(), is_fixed=True) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(faint_lesions(*tissue()), faint_lesions(*tissue()))


@pytest.mark.parametrize(("kept", "lost"), [(1.0, 0.0), (0.0, 1.0), (0.4, 0.6), (1.5, 0.5)])
def test_lost_contrast_is_the_share_of_the_lesions_that_is_missing_or_added(kept: float, lost: float) -> None:
    truth, away = tissue(2)
    lesions = faint_lesions(truth, away)
    assert float(lost_contrast(truth + kept * lesions, truth, lesions)) == pytest.approx(lost, abs=1e-4)


def test_a_change_elsewhere_counts_as_well() -> None:
    truth, away = tissue()
    lesions = faint_lesions(truth, away)
    elsewhere = truth + lesions
    elsewhere[..., :4] += 0.1
    assert float(lost_contrast(elsewhere, truth, lesions)) > 0.05
