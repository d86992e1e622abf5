"""Loss that teaches a network to preserve faint lesions: lesions drawn into its input must appear in its result.

A network trained only on pixel errors removes faint lesions near metal, because most differences from soft tissue there
are artifacts. The images here are `[slice, 1, y, x]` in the unit of `marview.methods.image_domain`.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from marview.methods.image_domain import MOST_MU
from marview.physics.attenuation import MU_WATER
from marview.slices.lesion import SOFT_HU

_UNIT_PER_HU = 2 / MOST_MU * MU_WATER / 1000
_COUNT = 4
_SQUARE_PX, _REACH_SQUARES = 8, 3
_CONTRAST_HU = (10.0, 80.0)
_RADIUS_PX = (2.0, 7.0)
_EDGE_PX = 0.7
"""Blur of a lesion's edge in pixels; a CT scan blurs edges about as much."""

_ROOM_PX, _ROOM_SHARE = 9, 0.9
"""Edge of a square in pixels, and smallest share of soft tissue in it for a lesion to be placed there."""

_FAR = 1e-3
"""Probability of a position in soft tissue far from metal, relative to a position near metal."""


def faint_lesions(truth: Tensor, away: Tensor, *, is_fixed: bool = False) -> Tensor:
    """Draw round lesions of 10 to 80 HU, brighter or darker than soft tissue, most of them near metal.

    Args:
        truth: images without metal.
        away: 1 outside metal and 0 inside metal, with the shape of `truth`.
        is_fixed: whether to draw the same lesions in every call, for validation.

    Returns:
        Contrast of the lesions, to be added to the images; 0 in slices without soft tissue.
    """
    low, high = ((1000 + hu) * _UNIT_PER_HU - 1 for hu in SOFT_HU)
    soft = ((truth > low) & (truth < high) & (away > 0)).float()
    room = avg_pool2d(soft, _ROOM_PX, 1, _ROOM_PX // 2) > _ROOM_SHARE
    chances = room * (_near(away) + _FAR)
    generator = torch.Generator().manual_seed(0) if is_fixed else torch.default_generator
    added = torch.zeros_like(truth)
    for each, chance in zip(added[:, 0], chances[:, 0], strict=True):
        if bool(chance.any()):
            each += _lesions(chance, generator)
    return added


def lost_contrast(with_lesions: Tensor, without: Tensor, lesions: Tensor) -> Tensor:
    """Return the mean relative error of lesion contrast, inside and outside the lesions; 0 is best.

    Args:
        with_lesions: network results for the images with lesions.
        without: network results for the same images without lesions.
        lesions: contrast of the lesions.
    """
    missed = (with_lesions.float() - without.float() - lesions).abs().flatten(1).sum(dim=1)
    drawn = lesions.abs().flatten(1).sum(dim=1)
    has_lesions = drawn > 0
    return (missed / drawn.clamp(min=1e-6) * has_lesions).sum() / has_lesions.sum().clamp(min=1)


def _lesions(chance: Tensor, generator: torch.Generator) -> Tensor:
    """Draw lesions at random positions; `chance` `[y, x]` is the relative probability of a lesion's centre."""
    rows, columns = chance.shape
    places = torch.multinomial(chance.flatten().cpu(), _COUNT, replacement=True, generator=generator)
    random = torch.rand((3, _COUNT, 1, 1), generator=generator)
    radius = _RADIUS_PX[0] + (_RADIUS_PX[1] - _RADIUS_PX[0]) * random[0]
    contrast = _CONTRAST_HU[0] + (_CONTRAST_HU[1] - _CONTRAST_HU[0]) * random[1]
    contrast = torch.where(random[2] < 0.5, -contrast, contrast) * _UNIT_PER_HU
    row, column = (each.view(-1, 1, 1) for each in (places // columns, places % columns))
    from_centre = torch.hypot((torch.arange(rows).view(-1, 1) - row).float(), (torch.arange(columns) - column).float())
    return (contrast * torch.sigmoid((radius - from_centre) / _EDGE_PX)).sum(dim=0).to(chance.device)


def _near(away: Tensor) -> Tensor:
    """Return a map of the shape of `away`: 1 in square blocks of pixels close to metal, 0 elsewhere."""
    rows, columns = away.shape[-2:]
    squares = max_pool2d(1 - away, _SQUARE_PX, ceil_mode=True)
    close = max_pool2d(squares, 2 * _REACH_SQUARES + 1, 1, _REACH_SQUARES)
    return interpolate(close, scale_factor=_SQUARE_PX)[..., :rows, :columns]
