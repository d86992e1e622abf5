"""Losses that methods share."""

import pytest
import torch

from marview.learning.losses import l1, rms


def test_root_mean_squares_are_averaged_over_the_images() -> None:
    found = torch.zeros(2, 1, 4, 4)
    found[0], found[1] = 3.0, 1.0
    assert float(rms(found, torch.zeros_like(found))) == pytest.approx(2.0)


def test_large_errors_dominate_the_root_mean_square() -> None:
    found = torch.zeros(1, 1, 10, 10)
    found[..., 0, 0] = 10.0
    assert float(l1(found, torch.zeros_like(found))) == pytest.approx(0.1)
    assert float(rms(found, torch.zeros_like(found))) == pytest.approx(1.0)


@pytest.mark.parametrize("loss", [l1, rms])
def test_places_outside_the_mask_do_not_count(loss) -> None:
    found, where = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    where[..., :2] = True
    found[..., 2:] = 100.0
    assert float(loss(found, torch.zeros_like(found), where)) == pytest.approx(1.0)


def test_equal_images_have_a_finite_gradient() -> None:
    found = torch.zeros(1, 1, 2, 2, requires_grad=True)
    torch.autograd.backward(rms(found, torch.zeros(1, 1, 2, 2)))
    assert found.grad is not None
    assert bool(found.grad.isfinite().all())
