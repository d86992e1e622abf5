"""Batches of ordinary and spectral slices, and random crops from them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from marview.learning.api import Unpaired
from marview.physics.attenuation import MU_WATER, hu_to_mu

LEAST_HU, MOST_HU = -1000.0, 3000.0
"""HU that correspond to -1 and 1 in the unit of the networks."""

_UNIT_HU = (MOST_HU - LEAST_HU) / 2


def to_unit(hu: Tensor) -> Tensor:
    """Convert HU to the networks' unit, clipped to the range -1 to 1."""
    return hu.clamp(LEAST_HU, MOST_HU) / _UNIT_HU + (-1 - LEAST_HU / _UNIT_HU)


def to_mu(image: Tensor) -> Tensor:
    """Convert an image from the networks' unit to 1/cm; negative values become 0."""
    return hu_to_mu((image.float() + 1) * _UNIT_HU + LEAST_HU).clamp(min=0)


def in_hu(difference: Tensor) -> Tensor:
    """Convert the difference of two images, of any shape, from the networks' unit to HU."""
    return difference * _UNIT_HU


def difference_of_mu(difference: Tensor) -> Tensor:
    """Convert the difference of two images, of any shape, from 1/cm to the networks' unit."""
    return difference * (1000 / MU_WATER / _UNIT_HU)


@dataclass(frozen=True, eq=False, kw_only=True)
class GsiBatch(Unpaired):
    """Batch of ordinary slices with metal, spectral slices at the same positions, and clean slices.

    The images inherited from `Unpaired` are the middle slices; `truth_mu` contains the spectral slices.

    Attributes:
        ordinary_hu: slices with metal and their neighbours, HU, `[slice, neighbour, y, x]`.
        clean_hu: slices without metal and their neighbours, from any position, HU,
            `[slice, neighbour, y, x]`.
        gsi_hu: spectral slices, which contain the metal, HU, `[slice, y, x]`.
        mask: metal mask, bool `[slice, y, x]`.
        kinds: implant type of each slice, an index into `implants.KINDS`, `[slice]`.
    """

    ordinary_hu: Tensor
    clean_hu: Tensor
    gsi_hu: Tensor
    mask: Tensor
    kinds: Tensor

    @classmethod
    def of(cls, ordinary_hu: Tensor, clean_hu: Tensor, gsi_hu: Tensor, mask: Tensor, kinds: Tensor) -> Self:
        """Create a batch from its images, masks and implant types."""
        middle = ordinary_hu.shape[1] // 2
        seen = ordinary_hu[:, middle], clean_hu[:, middle], gsi_hu
        with_metal, without, truth = (hu_to_mu(each.float()).clamp(min=0) for each in seen)
        return cls(
            with_metal_mu=with_metal,
            without_metal_mu=without,
            truth_mu=truth,
            metal=mask,
            ordinary_hu=ordinary_hu,
            clean_hu=clean_hu,
            gsi_hu=gsi_hu,
            mask=mask,
            kinds=kinds,
        )


def crops(planes: Tensor, edge: int, around: Tensor | None = None) -> Tensor:
    """Cut a random square from each slice, at the same position in all channels.

    Args:
        planes: images, `[slice, channel, y, x]`.
        edge: edge length of the squares in pixels; slices are not cropped if it is 0, or at least as
            large as the shorter side of a slice.
        around: mask, bool `[slice, y, x]`; each square contains at least one pixel of the mask, unless
            the mask is empty.
    """
    rows, columns = planes.shape[-2:]
    if not edge or edge >= min(rows, columns):
        return planes.contiguous(memory_format=torch.channels_last)
    parts = []
    for number, one in enumerate(planes):
        corner = [int(torch.randint(size - edge + 1, ())) for size in (rows, columns)]
        found = around[number].nonzero() if around is not None else planes.new_empty(0, 2)
        if len(found):
            pixel = found[int(torch.randint(len(found), ()))].tolist()
            corner = [place - int(torch.randint(edge, ())) for place in pixel]
        top, left = (min(max(at, 0), size - edge) for at, size in zip(corner, (rows, columns), strict=True))
        parts.append(one[:, top : top + edge, left : left + edge])
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)


def mirrored(planes: Tensor) -> Tensor:
    """Mirror each image `[slice, channel, y, x]` horizontally, vertically, in both directions or not, at random."""
    turned = [one.flip([axis for axis in (1, 2) if torch.rand(()) < 0.5]) for one in planes]
    return torch.stack(turned).contiguous(memory_format=torch.channels_last)


def nearness(mask: Tensor, reach_px: float) -> Tensor:
    """Return the weights of a correction: 1 near metal, falling to 0 at `reach_px`, and 0 in metal.

    Args:
        mask: metal mask, bool `[slice, y, x]`.
        reach_px: distance from metal in pixels at which the weight reaches 0; the weight falls over the last
            quarter of this distance.

    Returns:
        Weights, float32 `[slice, y, x]`; zero in slices without metal.
    """
    weights = []
    for one in mask.cpu().numpy():
        distance = ndimage.distance_transform_edt(~one) if one.any() else np.full(one.shape, np.inf)
        weight = np.clip((reach_px - distance) / (reach_px / 4), 0, 1)
        weights.append(np.where(one, 0, weight).astype(np.float32))
    return torch.from_numpy(np.stack(weights)).to(mask.device)
