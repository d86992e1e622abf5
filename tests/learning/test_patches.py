"""Patches of images and blocks of views."""

from typing import Any

import pytest
import torch

from marview.learning.patches import blocks, patches

QUARTER_TURN = {"quarter_turns": 1, "mirrors": False}


def test_patches_lie_in_the_slices_and_where_the_error_is() -> None:
    torch.manual_seed(0)
    seen, wanted = torch.zeros(2, 3, 50, 50), torch.arange(5000.0).view(2, 50, 50)
    seen[:, :] = wanted[:, None]
    for same, truth in zip(*patches(seen, wanted, 16, 12, 0.5), strict=True):
        assert torch.equal(same[2], truth)
        assert len(truth.unique()) == 16**2
    seen[1, :, 20:30, 20:30] += 1000
    hard, truth = patches(seen, wanted, 16, 40, 1.0)
    easy, plain = patches(seen, wanted, 16, 40, 0.0)
    assert float((hard[:, -1] - truth).abs().mean()) > 1.5 * float((easy[:, -1] - plain).abs().mean())


@pytest.mark.parametrize(("how", "ways"), [({}, 8), ({"mirrors": False}, 4), (QUARTER_TURN, 2)])
def test_patches_are_turned_as_the_recipe_says(how: dict[str, Any], ways: int) -> None:
    """A slice with gradients along rows and columns shows the orientation of its patches."""
    torch.manual_seed(0)
    wanted = torch.arange(2500.0).view(1, 50, 50)
    _, found = patches(wanted[:, None].expand(-1, 3, -1, -1), wanted, 8, 100, 0.0, **how)
    seen = {(float(one[1, 0] - one[0, 0]), float(one[0, 1] - one[0, 0])) for one in found}
    assert len(seen) == ways
    if how == QUARTER_TURN:
        assert seen == {(50, 1), (-1, 50)}


def test_blocks_of_views_wrap_round_the_last_view() -> None:
    views, bins = 40, 12
    number = torch.arange(views).expand(2, views)[..., None] + 1000 * torch.arange(2)[:, None, None]
    torch.manual_seed(3)
    (places, traces), chosen = blocks([number, torch.zeros(2, views, bins)], 32, 2)
    assert places.shape == (2, 32, 1)
    assert traces.shape == (2, 32, bins)
    assert sorted(chosen.tolist()) == [0, 1]
    of_block = places[..., 0] - 1000 * chosen[:, None]
    assert bool((of_block.diff(dim=1) % views == 1).all())
    assert bool(((of_block >= 0) & (of_block < views)).all())
