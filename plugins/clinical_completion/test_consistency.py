"""Tests for checking whether an image change agrees with the measured rays."""

from dataclasses import replace
from typing import Any

import pytest
import torch


@pytest.fixture
def shown(room: Any, discs: Any) -> Any:
    """Return the image, sinogram and metal of a slice with a metal rod."""
    return room.estimates.Estimates(discs(1, is_clinical=True).case()).shown(0)


def test_streak_of_wrong_rays_contradicts_less_than_added_tissue(room: Any, shown: Any) -> None:
    streaks = shown.projector.fbp(0.1 * shown.trace.float())
    tissue = torch.zeros_like(shown.mu)
    tissue[:, 8:40, 8:40] = 0.05
    tissue[shown.mask] = 0
    assert room.consistency.contradiction(shown, tissue) > room.consistency.contradiction(shown, streaks)
    assert room.consistency.contradiction(shown, torch.zeros_like(tissue)) == 0


def test_consistent_part_alters_the_measured_rays_less(room: Any, shown: Any) -> None:
    tissue = torch.zeros_like(shown.mu)
    tissue[:, 8:40, 8:40] = 0.05
    kept = room.consistency.consistent(shown, tissue)

    def outside(change: torch.Tensor) -> float:
        return float(shown.projector.forward(change)[~shown.trace].square().mean().sqrt())

    assert outside(kept) < 0.3 * outside(tissue)
    assert not kept[tissue == 0].any()
    assert room.consistency.contradiction(shown, kept) < room.consistency.contradiction(shown, tissue)


def test_change_that_no_measured_ray_shows_stays(room: Any, shown: Any) -> None:
    assert not room.consistency.consistent(shown, torch.zeros_like(shown.mu)).any()
    blind = replace(shown, trace=torch.ones_like(shown.trace))
    change = torch.rand_like(shown.mu)
    torch.testing.assert_close(room.consistency.consistent(blind, change), change)
    assert room.consistency.contradiction(blind, change) == 0
