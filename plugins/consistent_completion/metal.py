"""Estimate the metal's material and its fraction in each pixel."""

from collections.abc import Sequence

import torch
from torch import Tensor

from marview.physics import Material, material
from marview.physics.attenuation import MU_WATER
from marview.physics.scan_model import Crossing, ScanModel

CANDIDATES = ("ti", "316l", "cocrmo", "amalgam", "au")
"""Materials that `auto` distinguishes. Alloys with the same base element differ by less than the error of the fit."""

_FULL = 0.9
"""Quantile of the values inside the mask that serves as the value of a pixel full of metal; higher values are caused by
streaks."""

_DENSITIES = (0.8, 1.0, 1.2)
_VIEW_STEP = 16


def first_share(image: Tensor, metal: Tensor) -> Tensor:
    """Estimate the metal fraction of each pixel, `[slice, y, x]`, from the uncorrected image.

    Args:
        image: image with metal, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool, `[slice, y, x]`.
    """
    share = torch.zeros_like(image)
    for values, mask, result in zip(image, metal, share, strict=True):
        if bool(mask.any()):
            inside = values[mask]
            full = torch.quantile(inside, _FULL)
            result[mask] = ((inside - MU_WATER) / (full - MU_WATER).clamp(min=MU_WATER)).clamp(0, 1)
    return share


def choose_metal(model: ScanModel, crossing: Crossing, sinogram: Tensor, rays: Tensor) -> list[Material]:
    """Choose the metal of each slice: the material whose simulated scan is closest to the measured scan.

    Scans are compared in every sixteenth view, at three densities per material.

    Args:
        model: model that simulates the scan.
        crossing: line integrals of the materials.
        sinogram: measured line integrals, `[slice, view, bin]`.
        rays: rays to compare, bool, `[slice, view, bin]`.
    """
    is_seen = torch.zeros_like(rays)
    is_seen[:, ::_VIEW_STEP] = rays[:, ::_VIEW_STEP]
    candidates = [material(name) for name in CANDIDATES]
    return [_nearest(model, crossing, number, sinogram, is_seen[number], candidates) for number in range(len(rays))]


def _nearest(
    model: ScanModel, crossing: Crossing, number: int, sinogram: Tensor, rays: Tensor, candidates: Sequence[Material]
) -> Material:
    if not bool(rays.any()):
        return candidates[0]
    measured = sinogram[number][rays]

    def misfit(metal: Material) -> float:
        errors = []
        for density in _DENSITIES:
            denser = Crossing(crossing.water, crossing.bone, crossing.share * density)
            predicted = model.read(model.through_metal(denser, number, rays, metal))
            errors.append(float((predicted - measured).abs().mean()))
        return min(errors)

    return min(candidates, key=misfit)
