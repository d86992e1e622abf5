"""Compile the kernels before they are needed, so that users do not wait."""

import math

import torch

from marview.geometry import FanBeamArc
from marview.projection.fill import fill_linear
from marview.projection.projector import Projector


def warm_up(slices: tuple[int, ...]) -> None:
    """Compile the CPU kernels, or load them from disk.

    This takes seconds, so call it on a background thread.

    Args:
        slices: expected batch sizes; there are separate kernels for 1 slice and for up to 8, 16, 32 or 64 slices.
    """
    projector = Projector(
        FanBeamArc(views=4, bins=5, source_to_isocentre_mm=100, bin_rad=math.radians(1)), shape=(4, 4), pixel_mm=1.0
    )
    for count in slices:
        sinogram = projector.forward(torch.ones(count, 4, 4))
        projector.fbp(fill_linear(sinogram, projector.trace(torch.ones(count, 4, 4))))
