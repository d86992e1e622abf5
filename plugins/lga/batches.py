"""Batches of ordinary and spectral slices, and random crops of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from marview.learning.api import Unpaired
from marview.physics.attenuation import hu_to_mu

LEAST_HU, MOST_HU = -1000.0, 3000.0
"""HU that correspond to -1 and 1 in the unit of the networks."""

_UNIT_HU = (MOST_HU - LEAST_HU) / 2


def to_unit(hu: Tensor) -> Tensor:
    """Convert HU to the unit of the networks, clipped to -1 to 1."""
    return hu.clamp(LEAST_HU, MOST_HU) / _UNIT_HU + (-1 - LEAST_HU / _UNIT_HU)


def to_mu(image: Tensor) -> Tensor:
    """Convert an image in the unit of the networks to 1/cm, at least 0."""
    return hu_to_mu((image.float() + 1) * _UNIT_HU + LEAST_HU).clamp(min=0)


def in_hu(difference: Tensor) -> Tensor:
    """Convert a difference of two images in the unit of the networks to HU."""
    return difference * _UNIT_HU


@dataclass(frozen=True, eq=False, kw_only=True)
class GsiBatch(Unpaired):
    """Ordinary slices with metal, spectral slices at the same positions, and clean slices.

    The images of `Unpaired` are the middle slices; `truth_mu` is the spectral slice.

    Attributes:
        ordinary_hu: slices with metal and their neighbours, HU, `[slice, neighbour, y, x]`.
        clean_hu: slices without metal and their neighbours, from any position, HU, `[slice, neighbour, y, x]`.
        gsi_hu: spectral slices, which contain the metal, HU, `[slice, y, x]`.
        mask: metal mask, bool `[slice, y, x]`.
        kinds: numbers of the implant types, `[slice]`.
    """

    ordinary_hu: Tensor
    clean_hu: Tensor
    gsi_hu: Tensor
    mask: Tensor
    kinds: Tensor

    @classmethod
    def of(cls, ordinary_hu: Tensor, clean_hu: Tensor, gsi_hu: Tensor, mask: Tensor, kinds: Tensor) -> Self:
        """Make a batch from its parts."""
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
    """Cut a random square from each slice, at the same place in all channels.

    Args:
        planes: images, `[slice, channel, y, x]`.
        edge: edge of the squares in pixels; 0 or too large for whole slices.
        around: bool `[slice, y, x]`; each square contains one of these pixels, if there are any.
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


def nearness(mask: Tensor, reach_px: float) -> Tensor:
    """Return the weight of a correction: 1 near metal, falling to 0 at the reach, and 0 in metal.

    Args:
        mask: metal mask, bool `[slice, y, x]`.
        reach_px: distance from metal in pixels at which the weight is 0; it falls over the last quarter of the
            distance.

    Returns:
        Weights, float32 `[slice, y, x]`; zero in slices without metal.
    """
    weights = []
    for one in mask.cpu().numpy():
        distance = ndimage.distance_transform_edt(~one) if one.any() else np.full(one.shape, np.inf)
        weight = np.clip((reach_px - distance) / (reach_px / 4), 0, 1)
        weights.append(np.where(one, 0, weight).astype(np.float32))
    return torch.from_numpy(np.stack(weights)).to(mask.device)
