"""The Radon inversion layer (Lin 2019, section 3.2): from a sinogram to its image, with gradients back.

A fan beam's sinogram is rebinned to parallel rays by two linear interpolations, filtered by Ram-Lak and backprojected.
The ray of fan angle gamma in the view beta has the parallel direction theta = beta - gamma, at t = D sin(gamma)
from the middle (the paper counts gamma the other way).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection import Projector

Inversion = Callable[[Tensor], Tensor]
"""From line integrals `[slice, view, bin]` to an image in 1/cm, `[slice, y, x]`."""


def inversion(projector: Projector, kind: Literal["rebinned", "direct"]) -> Inversion:
    """The inversion of a projector's sinograms.

    Args:
        projector: between images and sinograms.
        kind: rebinned to parallel rays first, or the FBP of the beam as it is.

    Raises:
        UsageError: rays that go less than a whole turn cannot be rebinned here.
    """
    if kind == "direct" or isinstance(projector.beam, ParallelBeam):
        return projector.fbp
    rebinning = rebinning_of(projector.beam)
    parallel = Projector(rebinning.parallel, shape=projector.shape, pixel_mm=projector.pixel_mm)
    return lambda sinogram: parallel.fbp(rebinning.apply(sinogram))


@dataclass(frozen=True, eq=False)
class Rebinning:
    """From a fan beam's sinogram to a parallel beam's over the same turn; linear, so autograd has its transpose.

    Attributes:
        parallel: the beam of the result.
        view: the fan's view before the one wanted of every ray, `[parallel view, fan bin]`.
        view_share: how far the wanted one is towards the view after it.
        bin: the fan's bin before the one wanted, counted from an empty one before the first, `[parallel bin]`.
        bin_share: how far the wanted one is towards the bin after it.
    """

    parallel: ParallelBeam
    view: NDArray[np.int64]
    view_share: NDArray[np.float64]
    bin: NDArray[np.int64]
    bin_share: NDArray[np.float64]

    def apply(self, sinogram: Tensor) -> Tensor:
        """`[slice, fan view, fan bin]` -> `[slice, parallel view, parallel bin]`, line integrals."""
        count = len(sinogram)
        low = torch.from_numpy(self.view).to(sinogram.device).expand(count, -1, -1)
        share = torch.from_numpy(self.view_share).to(sinogram)
        after = (low + 1) % sinogram.shape[1]
        turned = torch.lerp(sinogram.gather(1, low), sinogram.gather(1, after), share.expand(count, -1, -1))
        framed = torch.nn.functional.pad(turned, (1, 1))
        place = torch.from_numpy(self.bin).to(sinogram.device)
        share = torch.from_numpy(self.bin_share).to(sinogram)
        below, above = framed.index_select(2, place), framed.index_select(2, place + 1)
        return below + share * (above - below)


@lru_cache(maxsize=8)
def rebinning_of(beam: FanBeamArc | FanBeamFlat) -> Rebinning:
    """The rebinning of a fan beam, to as many views and to bins as wide as the fan's are in the centre of the image.

    Raises:
        UsageError: the beam goes less than a whole turn.
    """
    if not math.isclose(abs(beam.arc_rad), 2 * math.pi, rel_tol=1e-9):
        raise UsageError(
            f"A beam over {math.degrees(abs(beam.arc_rad)):.0f} degrees cannot be rebinned to parallel rays here: that "
            'takes a whole turn; train and run with inversion = "direct".'
        )
    distance, width = beam.source_to_isocentre_mm, _width_mm(beam)
    gamma = _fan_angles(beam)
    reach = math.ceil(distance * math.sin(float(np.abs(gamma).max())) / width)
    parallel = ParallelBeam(
        views=beam.views,
        bins=2 * reach + 1,
        first_angle_rad=beam.first_angle_rad,
        arc_rad=beam.arc_rad,
        bin_mm=width,
    )
    # beta = theta + gamma, in views of the fan
    view = np.arange(beam.views)[:, None] + gamma[None] * (beam.views / beam.arc_rad)
    low = np.floor(view)
    wanted = np.arcsin(np.clip(parallel.bin_positions * (width / distance), -1, 1))
    place = _bin_of(beam, wanted) + (beam.bins - 1) / 2 - beam.bin_offset + 1
    place = np.clip(place, 0, beam.bins + 1)
    below = np.minimum(np.floor(place), beam.bins)
    return Rebinning(parallel, low.astype(np.int64) % beam.views, view - low, below.astype(np.int64), place - below)


def _width_mm(beam: Beam) -> float:
    """Distance of neighbouring rays at the isocentre."""
    if isinstance(beam, FanBeamArc):
        return beam.bin_rad * beam.source_to_isocentre_mm
    assert isinstance(beam, FanBeamFlat)
    return beam.bin_mm * beam.source_to_isocentre_mm / beam.source_to_detector_mm


def _fan_angles(beam: FanBeamArc | FanBeamFlat) -> NDArray[np.float64]:
    """Of every bin to the central ray, `[bin]`."""
    if isinstance(beam, FanBeamArc):
        return beam.bin_positions * beam.bin_rad
    return np.arctan(beam.bin_positions * (beam.bin_mm / beam.source_to_detector_mm))


def _bin_of(beam: FanBeamArc | FanBeamFlat, gamma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where rays of a fan angle meet the detector, in bins from the central ray."""
    if isinstance(beam, FanBeamArc):
        return gamma / beam.bin_rad
    return np.asarray(np.tan(gamma) * (beam.source_to_detector_mm / beam.bin_mm))
