"""The Radon inversion layer (Lin 2019, section 3.2): a differentiable reconstruction from a sinogram.

A fan-beam sinogram is rebinned to parallel rays by two linear interpolations, filtered with the Ram-Lak
filter and backprojected. The ray with fan angle gamma in view beta becomes the parallel ray with
direction theta = beta - gamma at distance t = D sin(gamma) from the centre. The paper uses the opposite
sign for gamma.
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
"""Function from line integrals `[slice, view, bin]` to an image in 1/cm, `[slice, y, x]`."""


def inversion(projector: Projector, kind: Literal["rebinned", "direct"]) -> Inversion:
    """Return the inversion layer for the sinograms of a projector.

    Args:
        projector: projector between images and sinograms.
        kind: "rebinned" to rebin to parallel rays first, or "direct" for the FBP of the fan beam.

    Raises:
        UsageError: the kind is "rebinned", but the fan beam covers less than a full turn.
    """
    if kind == "direct" or isinstance(projector.beam, ParallelBeam):
        return projector.fbp
    rebinning = rebinning_of(projector.beam)
    parallel = Projector(rebinning.parallel, shape=projector.shape, pixel_mm=projector.pixel_mm)
    return lambda sinogram: parallel.fbp(rebinning.apply(sinogram))


@dataclass(frozen=True, eq=False)
class Rebinning:
    """Rebinning of a fan-beam sinogram to a parallel beam over the same full turn, using PyTorch.

    Attributes:
        parallel: parallel beam of the rebinned sinogram.
        view: index of the fan-beam view just before each ray's interpolation point,
            `[parallel view, fan bin]`.
        view_share: weight of the next fan-beam view, 0 to 1.
        bin: index of the fan-beam bin just before the interpolation point, `[parallel bin]`; index 0 is an
            empty bin before the first bin.
        bin_share: weight of the next fan-beam bin, 0 to 1.
    """

    parallel: ParallelBeam
    view: NDArray[np.int64]
    view_share: NDArray[np.float64]
    bin: NDArray[np.int64]
    bin_share: NDArray[np.float64]

    def apply(self, sinogram: Tensor) -> Tensor:
        """Rebin `[slice, fan view, fan bin]` line integrals to `[slice, parallel view, parallel bin]`."""
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
    """Create the rebinning for a fan beam, keeping the number of views and the bin width at the isocentre.

    Raises:
        UsageError: the beam covers less than a full turn.
    """
    if not math.isclose(abs(beam.arc_rad), 2 * math.pi, rel_tol=1e-9):
        raise UsageError(
            f"A beam over {math.degrees(abs(beam.arc_rad)):.0f} degrees cannot be rebinned to parallel rays, because "
            'that needs a full turn. Train and run with inversion = "direct".'
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
    # beta = theta + gamma, in units of fan-beam views
    view = np.arange(beam.views)[:, None] + gamma[None] * (beam.views / beam.arc_rad)
    low = np.floor(view)
    wanted = np.arcsin(np.clip(parallel.bin_positions * (width / distance), -1, 1))
    place = _bin_of(beam, wanted) + (beam.bins - 1) / 2 - beam.bin_offset + 1
    place = np.clip(place, 0, beam.bins + 1)
    below = np.minimum(np.floor(place), beam.bins)
    return Rebinning(parallel, low.astype(np.int64) % beam.views, view - low, below.astype(np.int64), place - below)


def _width_mm(beam: Beam) -> float:
    """Return the distance between neighbouring rays at the isocentre."""
    if isinstance(beam, FanBeamArc):
        return beam.bin_rad * beam.source_to_isocentre_mm
    assert isinstance(beam, FanBeamFlat)
    return beam.bin_mm * beam.source_to_isocentre_mm / beam.source_to_detector_mm


def _fan_angles(beam: FanBeamArc | FanBeamFlat) -> NDArray[np.float64]:
    """Return the fan angle of each bin, measured from the central ray, `[bin]`."""
    if isinstance(beam, FanBeamArc):
        return beam.bin_positions * beam.bin_rad
    return np.arctan(beam.bin_positions * (beam.bin_mm / beam.source_to_detector_mm))


def _bin_of(beam: FanBeamArc | FanBeamFlat, gamma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positions where rays with these fan angles hit the detector, in bins from the central ray."""
    if isinstance(beam, FanBeamArc):
        return gamma / beam.bin_rad
    return np.asarray(np.tan(gamma) * (beam.source_to_detector_mm / beam.bin_mm))
