"""Pair slices of a patient's ordinary and spectral scans by matching and aligning them (Han 2025)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.learning.augment import resized
from marview.learning.bank import Bank

from .implants import guess_kind
from .surrogate import Scanned, volume_around

METAL_HU = 2000.0
"""Threshold of metal in HU, in slices with metal."""

_LEAST_ALIKE = 0.8
_SCALE_HU = (-1000.0, 1000.0)
"""HU range for matching and alignment, so that metal counts no more than bone."""

_COARSE = 8
_FINE = 4
_STEPS = 60
_RATE = 0.01
_PIXEL_MM = 0.9
"""Assumed edge of a pixel in mm, to guess the implant type."""


@dataclass(frozen=True, eq=False)
class Match:
    """Pair of an ordinary slice and the spectral slice at the same position.

    Attributes:
        ordinary: index of the ordinary slice.
        spectral: index of the spectral slice.
        move: affine map that aligns the spectral slice with the ordinary one, `[2, 3]`, as for
            `affine_grid`.
    """

    ordinary: int
    spectral: int
    move: Tensor


@dataclass(frozen=True, eq=False)
class RealPairs:
    """Source of matched slices, which are aligned on request.

    Attributes:
        ordinary: slices with metal from ordinary scans.
        spectral: slices with metal from spectral scans.
        clean: slices without metal; empty to use spectral slices instead.
        matches: matched slices.
        slices: odd number of slices to return: a slice and its neighbours.
    """

    ordinary: Bank
    spectral: Bank
    clean: Bank
    matches: tuple[Match, ...]
    slices: int

    def __len__(self) -> int:
        return len(self.matches)

    def __call__(self, number: int) -> Scanned:
        """Return the pair with this number."""
        match = self.matches[number]
        seen = self._volume(self.ordinary, match.ordinary)
        spectral = moved(_on_grid(self.spectral, match.spectral), match.move)
        has_clean = len(self.clean) > 0
        clean = self._volume(self.clean, number % len(self.clean)) if has_clean else spectral.expand_as(seen)
        middle = seen[self.slices // 2]
        mask = middle > METAL_HU
        kind = guess_kind(middle.numpy(), mask.numpy(), _PIXEL_MM)
        return Scanned(seen, clean, spectral, mask, kind)

    def _volume(self, bank: Bank, index: int) -> Tensor:
        found = volume_around(bank, index, self.slices)
        volume = torch.from_numpy(np.stack([resized(each, (SIZE, SIZE)) for each in found]))
        return volume if len(volume) == self.slices else volume.repeat(self.slices, 1, 1)


def matched(ordinary: Bank, spectral: Bank) -> tuple[Match, ...]:
    """Match each ordinary slice with the spectral slice that has the highest correlation, and align the two.

    Equation 1 of the paper instead maximises the product of two slices, which depends on brightness. Slices
    with a correlation below 0.8 are left out.
    """
    if not len(ordinary) or not len(spectral):
        return ()
    alike = _thumbnails(ordinary) @ _thumbnails(spectral).T
    found = []
    for number, row in enumerate(alike):
        best = int(row.argmax())
        if row[best] >= _LEAST_ALIKE:
            move = alignment(_on_grid(spectral, best), _on_grid(ordinary, number))
            found.append(Match(number, best, move))
    return tuple(found)


def alignment(moving: Tensor, fixed: Tensor) -> Tensor:
    """Find the affine map that maximises the correlation between one slice and another.

    Args:
        moving: slice to transform, HU `[y, x]`.
        fixed: slice to align with, HU, of the same size.

    Returns:
        Affine map, `[2, 3]`, as for `torch.nn.functional.affine_grid`.
    """
    identity = torch.eye(2, 3)
    change = torch.zeros(2, 3, requires_grad=True)
    for factor in (_COARSE, _FINE):
        small = [avg_pool2d(each.clamp(*_SCALE_HU)[None, None], factor)[0, 0] for each in (moving, fixed)]
        adam = torch.optim.Adam([change], _RATE * factor / _COARSE)
        for _ in range(_STEPS):
            adam.zero_grad()
            loss = -_correlation(moved(small[0], identity + change), small[1])
            torch.autograd.backward(loss)
            adam.step()
    return (identity + change).detach()


def moved(image: Tensor, move: Tensor) -> Tensor:
    """Transform an image `[y, x]` by an affine map; areas outside the original image become air."""
    lowest = _SCALE_HU[0]
    grid = affine_grid(move[None], [1, 1, *image.shape], align_corners=False)
    found: Tensor = grid_sample(image[None, None] - lowest, grid, mode="bilinear", align_corners=False)
    back: Tensor = found[0, 0] + lowest
    return back


def _on_grid(bank: Bank, index: int) -> Tensor:
    return torch.from_numpy(resized(bank.slices[index].astype(np.float32), (SIZE, SIZE)))


def _thumbnails(bank: Bank) -> NDArray[np.float32]:
    """Return downsampled slices with mean 0 and norm 1, `[slice, pixel]`, whose products are correlations."""
    small = np.stack([resized(each.astype(np.float32), (64, 64)).clip(*_SCALE_HU).ravel() for each in bank.slices])
    small -= small.mean(axis=1, keepdims=True)
    return np.asarray(small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6))


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    first, second = (each - each.mean() for each in (one, other))
    alike: Tensor = (first * second).sum() / (torch.linalg.norm(first) * torch.linalg.norm(second)).clamp(min=1e-6)
    return alike
