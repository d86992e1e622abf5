"""Batches of slices for the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from scipy import ndimage
from torch import Tensor

from marview.learning.api import Unpaired

from .estimates import NEAR_PX, REACH_PX
from .planes import METAL, UNCORRECTED, to_mu

_NEAR, _FARTHER, _FAR = 1.0, 0.3, 0.05
"""Weights of the error up to `NEAR_PX` and `REACH_PX` from metal, and farther away."""

_RIM_PX, _RIM = 2, 0.3
"""Width of a rim around metal, and the factor on its weight. Errors in metal do not count."""

_BODY, _OUTSIDE = -0.3, 0.2
"""Lowest value of the body in the units of the planes, and the factor on the weight of air and lung."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PriorBatch(Unpaired):
    """Batch of slices with metal, in the form that the network receives.

    Attributes:
        planes: input planes, `[slice, plane, y, x]`.
        truth: ground truth in the unit of the planes, `[slice, y, x]`.
        weight: weight of the error in each pixel, 0 to 1, `[slice, y, x]`.
    """

    planes: Tensor
    truth: Tensor
    weight: Tensor

    @classmethod
    def of(cls, slices: Sequence[tuple[Tensor, Tensor]], device: torch.device) -> Self:
        """Combine slices, as returned by `kept.read_slice`, into a batch on a device."""
        planes, truth = (torch.stack([each[place] for each in slices]).to(device) for place in range(2))
        weight = torch.stack([_weight(each[METAL] > 0, one) for each, one in zip(planes, truth, strict=True)])
        image, true = to_mu(planes[:, UNCORRECTED]).clamp(min=0), to_mu(truth).clamp(min=0)
        return cls(
            with_metal_mu=image,
            without_metal_mu=true,
            truth_mu=true,
            metal=planes[:, METAL] > 0,
            planes=planes,
            truth=truth,
            weight=weight,
        )


def _weight(metal: Tensor, truth: Tensor) -> Tensor:
    """Return the weight of the error in each pixel of a slice."""
    distance = torch.from_numpy(ndimage.distance_transform_edt(~metal.cpu().numpy())).to(truth)
    near = torch.where(distance < NEAR_PX, _NEAR, torch.where(distance < REACH_PX, _FARTHER, _FAR))
    rim = torch.where(distance > _RIM_PX, 1.0, _RIM)
    return near * rim * torch.where(truth > _BODY, 1.0, _OUTSIDE) * ~metal
