"""Where the network starts: with nothing, as published, or with a completion of the trace that it corrects."""

from typing import Literal

from torch import Tensor

from marview.learning.api import Pairs
from marview.physics.attenuation import MU_WATER
from marview.projection import fill_linear

from ..nmar.prior import prior_image

Start = Literal["nothing", "li", "nmar"]

_SMOOTHING_PX = 1.0
_LEAST_BONE = 1.2 * MU_WATER


def start_of(pairs: Pairs, how: Start) -> Tensor | None:
    """The completion that the network corrects, `[slice, view, bin]`; None where it makes its own.

    Linear interpolation, or NMAR's: the projection of air, lung, water and bone as the image of linear interpolation
    shows them, joined to the measured sinogram.
    """
    if how == "nothing":
        return None
    if how == "li":
        return pairs.li_sinogram
    prior = prior_image(pairs.li_image, pairs.metal, _SMOOTHING_PX, _LEAST_BONE, has_lung=True)
    prior_sinogram = pairs.projector.forward(prior)
    return prior_sinogram + fill_linear(pairs.sinogram - prior_sinogram, pairs.trace)
