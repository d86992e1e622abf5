"""Random variation of a clean slice: shift, rotation, scale, warp, crop, blur and noise."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn.functional import affine_grid, grid_sample, interpolate

from marview.learning.recipe import Augmentation
from marview.worker.resampling import AIR_HU

_WARP_KNOTS = 7
_SMALLEST_CROP = 0.55


def augment(
    hu: NDArray[np.float32], shape: tuple[int, int], how: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Vary a slice randomly and resample it to `shape`; pixels outside the slice become air.

    Args:
        hu: HU, `[y, x]`, at least -1000.
        shape: rows and columns of the result.
        how: limits of the random variation.
        rng: random generator.

    Returns:
        float32 HU of `shape`, at least -1000.
    """
    moved = _move(hu, shape, _matrix(shape, how, rng), _warp(shape, how, rng))
    if how.blur_px and rng.random() < 0.5:
        moved = gaussian_filter(moved, rng.uniform(0, how.blur_px))
    if how.noise_hu:
        moved = moved + _noise(shape, rng.uniform(0, how.noise_hu), rng)
    return np.maximum(moved, AIR_HU).astype(np.float32)


def resized(hu: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a slice `[y, x]` to `shape` by bilinear interpolation, without random variation."""
    if hu.shape == shape:
        return hu
    image = torch.from_numpy(np.ascontiguousarray(hu))[None, None]
    return np.asarray(interpolate(image, size=shape, mode="bilinear", antialias=True)[0, 0].numpy())


def _matrix(shape: tuple[int, int], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the affine map `[2, 3]` from (x, y, 1) in the new image to the old image, with coordinates in [-1, 1]."""
    angle = np.deg2rad(rng.uniform(-how.rotation_deg, how.rotation_deg))
    size = np.exp(rng.uniform(*np.log(how.scale)))
    shift = rng.uniform(-1, 1, 2) * how.shift_px * 2 / np.array(shape[::-1])
    if rng.random() < how.crop:
        seen = rng.uniform(_SMALLEST_CROP, 0.95)
        size, shift = size / seen, shift + rng.uniform(-1, 1, 2) * (1 - seen) * 0.6
    mirror = np.where(rng.random(2) < how.flip, -1.0, 1.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([mirror[:, None] * turn / size, shift])


def _warp(shape: tuple[int, int], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw random displacements of the knots of a coarse grid, `[2, knot, knot]`; half an image is 1."""
    strength = rng.uniform(0, how.warp_px)
    return rng.uniform(-1, 1, (2, _WARP_KNOTS, _WARP_KNOTS)) * strength * 2 / max(shape)


def _move(
    hu: NDArray[np.float32], shape: tuple[int, int], matrix: NDArray[np.float64], warp: NDArray[np.float64]
) -> NDArray[np.float32]:
    # average the image before it is reduced, to avoid aliasing
    image = torch.from_numpy(resized(hu, shape) if max(hu.shape) > max(shape) else hu)[None, None] - AIR_HU
    theta = torch.from_numpy(matrix.astype(np.float32))[None]
    grid = affine_grid(theta, [1, 1, *shape], align_corners=False)
    bent = interpolate(torch.from_numpy(warp.astype(np.float32))[None], size=shape, mode="bicubic", align_corners=True)
    moved = grid_sample(image, grid + bent.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)
    return np.asarray((moved[0, 0] + AIR_HU).numpy())


def _noise(shape: tuple[int, int], strength_hu: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw noise with the texture of CT noise, which contains less high frequencies than white noise."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = gaussian_filter(noise, rng.uniform(0.3, 0.9))
    return np.asarray(noise * (strength_hu / max(float(noise.std()), 1e-6)), dtype=np.float32)
