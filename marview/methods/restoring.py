"""Restore dark streaks that are clipped at the lowest value of a file.

Dense metal causes dark streaks far below -1024 HU, where the HU scale of most files ends. Without these low values, the
forward projection of the image is too high outside the metal trace. marview estimates the missing part of the streaks
from the rays outside the trace, which must agree with the forward projection of a tissue prior.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import ParallelBeam
from marview.methods.tissue_prior import prior_image
from marview.physics.attenuation import MU_WATER
from marview.projection import Projector, fill_linear
from marview.volume.padding import between, padding
from marview.volume.volume import BODY_HU

_SIZE, _VIEWS = 160, 140
"""Pixels and views of the estimate. The missing part is smooth, so a coarse scan is sufficient."""

_PASSES, _STEPS = 4, 3
"""Number of priors, and number of SIRT steps for each prior; larger numbers would fit the errors of the prior."""

_LEAST_SHARE = 0.004
"""Smallest fraction of the body at the lowest value for which streaks are restored; bowel gas has this value too."""

_LOWEST_FLOOR_HU = -1500
"""Lowest value of a file, in HU, below which dark streaks count as not clipped."""

_SMOOTHING_PX = 1.0
_LEAST_BONE = 1.2 * MU_WATER
_CUT_OFF, _COVERED = 0.3, 0.5
_SHORTEST_PX = 5.0
_FEWEST_RAYS = 0.01


def cut_off(hu: NDArray[np.int16], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the dark-streak pixels that were clipped at the lowest value, bool `[slice, row, column]`.

    If few body pixels of a slice have this value, the streaks were not clipped, and all pixels of the slice
    are False. In other slices, air next to the body is included, because streaks extend beyond the body.

    Args:
        hu: slices, HU `[slice, row, column]`.
        mask: metal mask of the slices.
    """
    found = np.zeros(hu.shape, np.bool_)
    for plane, metal, beside, out in zip(hu, mask, padding(hu), found, strict=True):
        if beside.all() or (floor := int(plane[~beside].min())) < _LOWEST_FLOOR_HU or floor > BODY_HU:
            continue
        dark = (plane == floor) & ~beside & ~metal
        body = between((plane > BODY_HU) | metal)
        if np.count_nonzero(dark & body) >= _LEAST_SHARE * np.count_nonzero(body):
            out[:] = dark
    return found


@dataclass(frozen=True)
class Restorer:
    """Estimator of the clipped part of dark streaks, based on a coarse parallel-beam scan.

    Attributes:
        pixel_mm: edge length of a pixel of the processing grid, in mm.
    """

    pixel_mm: float

    @cached_property
    def _projector(self) -> Projector:
        pixel_mm = self.pixel_mm * SIZE / _SIZE
        bins = math.ceil(math.sqrt(2) * _SIZE) // 2 * 2 + 1
        return Projector(
            ParallelBeam(views=_VIEWS, bins=bins, bin_mm=pixel_mm), shape=(_SIZE, _SIZE), pixel_mm=pixel_mm
        )

    def missing(self, mu: Tensor, metal: Tensor, share: Tensor, pause: Callable[[], None] = lambda: None) -> Tensor:
        """Estimate the excess brightness of clipped pixels, 1/cm, at least 0, `[slice, y, x]`.

        SIRT steps, which may only darken pixels, alternate with updates of NMAR's prior image.

        Args:
            mu: slices on the processing grid, 1/cm, `[slice, y, x]`.
            metal: metal mask of the slices, bool `[slice, y, x]`.
            share: clipped fraction of each pixel, 0 to 1.
            pause: function called between the steps.

        Source: P. Gilbert, Iterative methods for the three-dimensional reconstruction of an object from
        projections, Journal of Theoretical Biology 36, 1972 (SIRT).
        """
        projector = self._projector
        image, covered = _coarse(mu), _coarse(metal.float()) > _COVERED
        unknown = _coarse(share) * ~covered
        is_unknown = unknown > _CUT_OFF
        trace = projector.trace(covered)
        trusted = (~trace).float()
        length_cm = projector.forward(is_unknown.float()).clamp(min=_SHORTEST_PX * projector.pixel_mm / 10)
        all_rays = float(projector.adjoint(torch.ones_like(trusted)).max())
        rays = projector.adjoint(trusted).clamp(min=_FEWEST_RAYS * all_rays)
        sinogram = projector.forward(image)
        missing = torch.zeros_like(image)
        for _ in range(_PASSES):
            pause()
            now = sinogram - projector.forward(missing)
            filled = image - missing + projector.fbp(fill_linear(now, trace) - now)
            prior = prior_image(filled, covered, _SMOOTHING_PX, _LEAST_BONE, has_lung=True)
            excess = sinogram - projector.forward(prior)
            for _ in range(_STEPS):
                left = (excess - projector.forward(missing)) * trusted / length_cm
                missing = (missing + projector.adjoint(left) / rays).clamp(min=0) * is_unknown
        return interpolate((missing * unknown)[:, None], size=tuple(mu.shape[-2:]), mode="bilinear")[:, 0]


def _coarse(images: Tensor) -> Tensor:
    return interpolate(images[:, None], size=(_SIZE, _SIZE), mode="bilinear", antialias=True)[:, 0]
