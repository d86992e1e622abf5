"""Fit the edges of long light-metal pieces, such as titanium screws, to the rays through them.

Beam hardening raises the pixels around a screw above half of the screw's HU and darkens its middle, so
the edge cannot be found from the HU. It can be found from the rays through the screw, because a model of
a screw with a sharp edge must explain their attenuation. Discrete tomography estimates the metal
fraction of each pixel. Beam hardening is modelled as a polynomial of the line integrals, the residual is
reconstructed, and the fractions are limited to 0 to 1.

Source: K. J. Batenburg and J. Sijbers, DART: a practical reconstruction algorithm for discrete
tomography, IEEE Transactions on Image Processing 20, 2011 (alternating between reconstruction and known
grey values).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.rays import PixelRays
from marview.volume.shadow import MU_WATER_PER_MM, along_mm, line_integrals

_ANGLES, _STEPS = 90, 3
"""Numbers of angles and steps, chosen on simulated slices with titanium screws. Masks are worse with 60 angles or with
six steps."""

_EDGE, _TYPICAL = 0.5, 0.75
"""Smallest metal fraction of a metal pixel, and quantile of the attenuation of such pixels that serves as the
attenuation of pure metal. The densest pixels are not representative, because photon starvation along a screw doubles
the HU in its middle."""

_REACH_PX, _BESIDE_PX = 2, 3
_LIGHT_HU, _DENSE_HU = 12_000, 25_000
"""Upper limits of the HU of titanium, in the image and before beam hardening. The second limit is needed because beam
hardening lowers the HU of denser metal too. Before hardening, titanium has 11,000 to 20,000 HU; cobalt chromium and
tantalum, which transmit too few photons for this fit, have 32,000 HU or more."""

_LONGER_THAN_WIDE = 2.5
_FEWEST_PIXELS = 6
_THICK_MM = 1.5
"""Half thickness in mm that separates wires from screws."""

_FULL = 0.9
_LEAST_LENGTH = 0.02
_FEWEST_RAYS = 100
_STEEP, _STEEP_SHARE = 0.1, 0.3
_MOST_PX = 3.0
_ROUNDS, _LIMIT, _RIDGE = 6, 2.0, 1e-6
_TOUCH = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class _Rays:
    """Rays through metal and the pixels near the metal.

    Attributes:
        through: rays through the pixels `[pixel]`.
        along: line integral of a ray through a pixel of pure metal, `[angle, 1]`, for an attenuation of 1 per mm.
        full: attenuation of each pixel if it is pure metal, 1/mm, `[pixel]`.
        excess: line integrals of the metal alone, `[angle, bin]`.
        tissue: line integrals of the tissue, interpolated across the trace.
        in_trace: rays through the pixels, bool `[angle, bin]`.
    """

    through: PixelRays
    along: NDArray[np.float32]
    full: NDArray[np.float32]
    excess: NDArray[np.float32]
    tissue: NDArray[np.float32]
    in_trace: NDArray[np.bool_]


def with_fitted_edges(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Fit the edges of long light-metal pieces to the rays through them; return the metal, bool `[y, x]`.

    The fitted edges are used only if they explain the rays better.

    Args:
        found: metal found by its HU, bool `[y, x]`.
        image: HU, `[y, x]`, not clipped at the upper end.
        spacing_mm: distance between pixels along (y, x).
    """
    labels, count = ndimage.label(found, _TOUCH)
    full_hu = np.array([0.0, *(np.quantile(image[labels == number], _FULL) for number in range(1, count + 1))])
    fitted = [
        number
        for number in range(1, count + 1)
        if full_hu[number] < _LIGHT_HU and _is_long(labels == number, spacing_mm)
    ]
    if not fitted:
        return found
    near = ndimage.binary_dilation(found, _TOUCH, iterations=_REACH_PX)
    nearest = ndimage.distance_transform_edt(~found, return_distances=False, return_indices=True)
    piece = labels[nearest[0], nearest[1]]
    y, x = np.nonzero(near)
    full = (full_hu[piece[y, x]] * (MU_WATER_PER_MM / 1000)).astype(np.float32)
    rays = _rays(image, y, x, full, spacing_mm)
    shares = _shares(rays, image[y, x] * np.float32(MU_WATER_PER_MM / 1000))
    result, changes = found.copy(), np.isin(piece[y, x], fitted)
    result[y[changes], x[changes]] = shares[changes] >= _EDGE
    before, now = _explain(rays, found[y, x]), _explain(rays, result[y, x])
    return result if now.density_hu < _DENSE_HU and now.unexplained < before.unexplained else found


def _is_long(piece: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> bool:
    """Return whether a piece `[y, x]` is much longer than it is wide, and thicker than a wire."""
    y, x = np.nonzero(piece)
    if len(y) < _FEWEST_PIXELS:
        return False
    within_pixels = np.diag(np.square(spacing_mm)) / 12
    variances = np.linalg.eigvalsh(np.cov(np.stack([y * spacing_mm[0], x * spacing_mm[1]])) + within_pixels)
    if variances[1] < _LONGER_THAN_WIDE**2 * variances[0]:
        return False
    return bool(ndimage.distance_transform_edt(np.pad(piece, 1), sampling=spacing_mm).max() >= _THICK_MM)


def _rays(
    image: NDArray[np.int16],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    full: NDArray[np.float32],
    spacing_mm: tuple[float, ...],
) -> _Rays:
    through = PixelRays(y, x, image.shape, _ANGLES)
    measured = line_integrals(image, spacing_mm, _ANGLES)
    in_trace = through.integrals(np.ones_like(full)) > 0
    beside = ~ndimage.binary_dilation(in_trace, np.ones((1, 2 * _BESIDE_PX + 1)))
    smooth, places = ndimage.uniform_filter1d(measured, 3, axis=1), np.arange(measured.shape[1])
    tissue = np.stack(
        [
            np.where(free, view, np.interp(places, places[free], even[free]))
            for view, even, free in zip(measured, smooth, beside, strict=True)
        ]
    ).astype(np.float32)
    along = along_mm(spacing_mm, _ANGLES)[:, None]
    return _Rays(through, along, full, measured - tissue, tissue, in_trace)


def _shares(rays: _Rays, above_water: NDArray[np.float32]) -> NDArray[np.float32]:
    """Estimate the metal fraction of each pixel, 0 to 1, from the attenuation above water, 1/mm, `[pixel]`."""
    shares = np.clip(above_water / rays.full, 0, 1)
    thickest = _MOST_PX * float(rays.full.mean()) * float(rays.along.mean())
    for _ in range(_STEPS):
        lengths = rays.through.integrals(shares * rays.full) * rays.along
        hardened = _hardened(rays, lengths)
        left = (rays.excess - hardened.explained) / hardened.slope
        missing = np.clip(left, -thickest, thickest) * rays.in_trace
        shares = shares + rays.through.reconstruct(missing / rays.along) / rays.full
        mostly = shares > _EDGE
        if mostly.any():
            shares = shares / np.float32(np.quantile(shares[mostly], _TYPICAL))
        shares = np.clip(shares, 0, 1)
    return np.asarray(shares, np.float32)


@dataclass(frozen=True)
class _Explained:
    """How well metal with sharp edges explains its rays.

    Attributes:
        unexplained: mean squared residual in the trace.
        density_hu: HU of the metal before beam hardening.
    """

    unexplained: float
    density_hu: float


def _explain(rays: _Rays, metal: NDArray[np.bool_]) -> _Explained:
    """Fit the rays with metal in these pixels, bool `[pixel]`."""
    hardened = _hardened(rays, rays.through.integrals(metal * rays.full) * rays.along)
    left = (rays.excess - hardened.explained)[rays.in_trace]
    full_hu = float(rays.full.mean()) / (MU_WATER_PER_MM / 1000)
    return _Explained(float(np.mean(left**2)), hardened.first_slope * full_hu)


@dataclass(frozen=True, eq=False)
class _Hardened:
    """Attenuation of rays by metal, including beam hardening.

    Attributes:
        explained: line integrals predicted by the model, `[angle, bin]`.
        slope: derivative of the line integrals with respect to the path length in metal, at least a fraction of
            `first_slope`.
        first_slope: derivative at a path length of zero.
    """

    explained: NDArray[np.float32]
    slope: NDArray[np.float32]
    first_slope: float


def _hardened(rays: _Rays, lengths: NDArray[np.float32]) -> _Hardened:
    """Fit the attenuation as a polynomial of the line integrals of metal, `[angle, bin]`."""
    least = _LEAST_LENGTH * float(rays.full.mean()) * float(rays.along.mean())
    used = rays.in_trace & (lengths > least)
    if np.count_nonzero(used) < _FEWEST_RAYS:
        return _Hardened(lengths, np.ones_like(lengths), 1.0)
    metal, tissue = lengths[used].astype(np.float64), rays.tissue[used]
    a, b, c, d = _combination(rays.excess[used], np.stack([metal, metal**2, metal**3, metal * tissue], axis=-1))
    explained = lengths * (a + b * lengths + c * lengths**2 + d * rays.tissue)
    slope = a + 2 * b * lengths + 3 * c * lengths**2 + d * rays.tissue
    first = float(a + d * rays.tissue[rays.in_trace].mean())
    flattest = max(_STEEP, _STEEP_SHARE * first)
    return _Hardened(explained.astype(np.float32), np.maximum(slope, flattest).astype(np.float32), first)


def _combination(values: NDArray[np.float32], terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit values `[ray]` with a linear combination of terms `[ray, term]` and Cauchy weights; return the factors."""
    sizes = np.sqrt(np.mean(terms**2, axis=0)) + 1e-9
    scaled, weights = terms / sizes, np.ones(len(values))
    ridge = _RIDGE * len(values) * np.eye(terms.shape[1])
    factors = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        weighted = scaled * weights[:, None]
        factors = np.linalg.solve(weighted.T @ scaled + ridge, weighted.T @ values)
        left = values - scaled @ factors
        weights = 1 / (1 + (left / (_LIMIT * 1.48 * np.median(np.abs(left)) + 1e-9)) ** 2)
    return np.asarray(factors / sizes)
