"""Filter step of FBP: the weights of the rays, and the ramp filter as a matrix.

Formulas: A. C. Kak, M. Slaney, Principles of Computerized Tomographic Imaging, 1988, chapter 3 (parallel, equiangular
and equally spaced fan); D. L. Parker, Optimal short scan convolution reconstruction for fan-beam CT, Med. Phys. 9,
1982.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection.scratch import empty

FILTERS = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")


@dataclass(frozen=True, eq=False)
class Ramp:
    """Weights and filter of a beam for packed sinograms.

    Attributes:
        weights: weights of every ray, `[view, bin]`.
        blocks: the filter matrix, split by even and odd bins into `(even from even, even from odd, odd
            from even, odd from odd)`. A block that is a multiple of the identity matrix is stored as a
            number. With Ram-Lak, different bins do not affect each other if both are even or both are
            odd, which saves half of the work.
    """

    weights: NDArray[Any]
    blocks: tuple[Tensor | float, Tensor, Tensor, Tensor | float]

    def apply(self, packed: NDArray[Any], lanes: int) -> NDArray[Any]:
        """Filter a packed sinogram that has an empty bin before and after each view."""
        views, bins = self.weights.shape
        given = torch.from_numpy(packed).view(views, bins + 2, lanes)
        filtered = empty(len(packed), packed.dtype)
        taken = torch.from_numpy(filtered).view(views, bins + 2, lanes)
        taken[:, 0] = taken[:, -1] = 0
        even, odd = given[:, 1:-1:2], given[:, 2:-1:2]
        for target, own, other, near, far in (
            (taken[:, 1:-1:2], even, odd, self.blocks[0], self.blocks[1]),
            (taken[:, 2:-1:2], odd, even, self.blocks[3], self.blocks[2]),
        ):
            if target.shape[1] == 0:
                continue
            if isinstance(near, float):
                torch.mul(own, near, out=target)
            else:
                torch.bmm(near.expand(views, -1, -1), own, out=target)
            torch.baddbmm(target, far.expand(views, -1, -1), other, out=target)
        return filtered


@lru_cache(maxsize=16)
def ramp(beam: Beam, field_radius_mm: float, name: str, dtype: str) -> Ramp:
    """Return the weights and filter of a beam as `dtype`.

    The function raises the same errors as `ray_weights` and `filter_matrix`.
    """
    matrix = filter_matrix(beam, name)
    even, odd = slice(0, None, 2), slice(1, None, 2)
    sparse = name == "ram-lak"

    def block(rows: slice, columns: slice) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(matrix[rows, columns], dtype))

    middle = float(matrix[0, 0])
    return Ramp(
        ray_weights(beam, field_radius_mm).astype(dtype),
        (
            middle if sparse else block(even, even),
            block(even, odd),
            block(odd, even),
            middle if sparse else block(odd, odd),
        ),
    )


@lru_cache(maxsize=16)
def filter_matrix(beam: Beam, name: str) -> NDArray[np.float64]:
    """Return the ramp filter, including all constant factors of the beam, in 1/cm per view.

    The result is a symmetric matrix `[bin, bin]`.

    Raises:
        UsageError: the filter is unknown.
    """
    if name not in FILTERS:
        raise UsageError(f"There is no filter {name!r}. Choose one of {', '.join(FILTERS)}.")
    step = abs(beam.arc_rad) / beam.views
    taps = _taps(beam.bins, name)
    shift = np.arange(beam.bins)
    if isinstance(beam, FanBeamArc):  # the backprojection multiplies by (D / L)^2, so 1 / D^2 remains
        angle = shift * beam.bin_rad
        taps = taps * (angle / np.where(shift, np.sin(angle), 1)) ** 2 + taps * (shift == 0)
        taps = taps / (beam.bin_rad * beam.source_to_isocentre_mm / 10)
    elif isinstance(beam, FanBeamFlat):
        taps = taps / (beam.bin_mm * beam.source_to_isocentre_mm / beam.source_to_detector_mm / 10)
    else:
        taps = taps / (beam.bin_mm / 10)
    matrix: NDArray[np.float64] = (taps * step)[np.abs(shift[:, None] - shift[None, :])]
    return matrix


def _taps(bins: int, name: str) -> NDArray[np.float64]:
    """Return the ramp filter at shifts of 0 to `bins - 1`, for bins of width 1."""
    length = 1 << (4 * bins - 1).bit_length()
    shift = np.minimum(np.arange(length), length - np.arange(length)).astype(float)
    odd = shift % 2 == 1
    taps = np.where(odd, -1 / (np.pi * np.where(odd, shift, 1)) ** 2, 0.0)
    taps[0] = 0.25
    if name != "ram-lak":
        frequency = np.fft.rfftfreq(length)  # 0 to 0.5 of the sampling rate
        window = {
            "shepp-logan": np.sinc(frequency),
            "cosine": np.cos(np.pi * frequency),
            "hamming": 0.54 + 0.46 * np.cos(2 * np.pi * frequency),
            "hann": 0.5 + 0.5 * np.cos(2 * np.pi * frequency),
        }[name]
        taps = np.fft.irfft(np.fft.rfft(taps) * window, length)
    return taps[:bins]


@lru_cache(maxsize=16)
def ray_weights(beam: Beam, field_radius_mm: float) -> NDArray[np.float64]:
    """Return the weight of each ray before filtering, `[view, bin]`: cosine of the fan angle times redundancy weight.

    Raises:
        UsageError: the views do not cover every line through the field of view.
    """
    gamma = fan_angles(beam)
    return np.cos(gamma)[None, :] * _shares(beam, gamma, field_radius_mm)


def fan_angles(beam: Beam) -> NDArray[np.float64]:
    """Return the angle, in radians, between each ray and the central ray, `[bin]`."""
    if isinstance(beam, ParallelBeam):
        return np.zeros(beam.bins)
    if isinstance(beam, FanBeamArc):
        return beam.bin_positions * beam.bin_rad
    return np.arctan(beam.bin_positions * (beam.bin_mm / beam.source_to_detector_mm))


def _shares(beam: Beam, gamma: NDArray[np.float64], field_radius_mm: float) -> NDArray[np.float64]:
    """Return redundancy weights, which add up to 1 over all rays along a line: 1/2 for a full turn, else Parker's."""
    arc = abs(beam.arc_rad)
    if math.isclose(arc, 2 * math.pi, rel_tol=1e-9):
        return np.full((beam.views, beam.bins), 0.5)
    spare = (arc - math.pi) / 2
    needed = np.abs(gamma).max()
    if not isinstance(beam, ParallelBeam):
        needed = min(needed, math.asin(min(1.0, field_radius_mm / beam.source_to_isocentre_mm)))
    if spare < needed - 1e-6:
        raise UsageError(
            f"Views over {math.degrees(arc):.1f} degrees do not cover every line through the field of view. FBP needs "
            f"{math.degrees(math.pi + 2 * needed):.1f} degrees."
        )
    turned = ((np.arange(beam.views) + 0.5) * (arc / beam.views))[:, None]
    # Rotating the other way mirrors the fan.
    angle = np.clip(-math.copysign(1, beam.arc_rad) * gamma, -spare, spare)[None, :]
    return _rise(turned, 2 * (spare - angle)) * _rise(arc - turned, 2 * (spare + angle))


def _rise(angle: NDArray[Any], ramp: NDArray[Any]) -> NDArray[np.float64]:
    share = np.clip(angle / np.where(ramp > 0, ramp, 1), 0, 1)
    rise: NDArray[np.float64] = np.where(ramp > 0, np.sin(math.pi / 2 * share) ** 2, 1.0)
    return rise
