"""Projectors with which the projection benchmark compares marview: ASTRA, scikit-image and PyTorch's grid_sample."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.projection_setting import DISTANCE_MM, PIXEL_MM, Setting
from marview.geometry import FanBeamArc
from marview.projection import Projector
from marview.projection.rays import origins_and_directions

SAMPLED = 8
"""Number of slices per call of grid_sample."""


def grid_sample_fbp(projector: Projector, filtered: torch.Tensor) -> torch.Tensor:
    """Backproject with PyTorch's grid_sample over arc views, as a reference: filtered `[view, bin]` -> `[y, x]`."""
    beam = projector.beam
    assert isinstance(beam, FanBeamArc)
    y, x = ((np.arange(count) - (count - 1) / 2) * projector.pixel_mm for count in projector.shape)
    total = torch.zeros(projector.shape, dtype=torch.float64)
    for view, angle in enumerate(beam.angles_rad):
        along = x * math.cos(angle) + y[:, None] * math.sin(angle)
        depth = beam.source_to_isocentre_mm - x * math.sin(angle) + y[:, None] * math.cos(angle)
        place = np.arctan2(along, depth) / beam.bin_rad / ((beam.bins - 1) / 2)
        weight = beam.source_to_isocentre_mm**2 / (along**2 + depth**2)
        where = torch.from_numpy(np.stack([place, np.zeros_like(place)], -1))[None]
        seen = torch.nn.functional.grid_sample(filtered[view][None, None, None], where, align_corners=True)
        total += torch.from_numpy(weight) * seen[0, 0]
    return total


def astra(setting: Setting) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield ASTRA's forward projection and backprojection of one slice with their names; nothing without ASTRA."""
    try:
        import astra as toolbox
    except ImportError:
        return
    flat = setting.flat
    volume = toolbox.create_vol_geom(setting.size, setting.size)
    geometry = toolbox.create_proj_geom(
        "fanflat", flat.bin_mm / PIXEL_MM, flat.bins, flat.angles_rad, DISTANCE_MM / PIXEL_MM, DISTANCE_MM / PIXEL_MM
    )
    line = toolbox.create_projector("line_fanflat", geometry, volume)
    image = np.random.default_rng(0).random((setting.size, setting.size), np.float32)
    sinogram = np.random.default_rng(0).random((flat.views, flat.bins), np.float32)

    def forward() -> None:
        toolbox.data2d.delete(toolbox.create_sino(image, line)[0])

    def back() -> None:
        toolbox.data2d.delete(toolbox.create_backprojection(sinogram, line)[0])

    yield "ASTRA forward", forward
    yield "ASTRA backprojection", back


def iradon(setting: Setting) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield scikit-image's FBP of one slice with its name; nothing without scikit-image."""
    try:
        from skimage import transform

        theirs: Any = transform.iradon
    except ImportError:
        return
    views = setting.arc.views // 2
    sinogram = np.random.default_rng(0).random((setting.arc.bins, views))
    angles = np.arange(views) * 180 / views
    yield (
        "scikit-image iradon (parallel, half the views)",
        lambda: theirs(sinogram, angles, output_size=setting.size, circle=False),
    )


def grid_sample(setting: Setting) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield projection and backprojection in plain PyTorch, which sample points along rays and along the detector."""
    if setting.name != "b":  # takes half a minute in this setting, and minutes in others
        return
    beam, size = setting.flat, setting.size
    half = size * PIXEL_MM / 2
    origin, direction = (torch.from_numpy(part).float() for part in origins_and_directions(beam))
    direction = direction / direction.norm(dim=-1, keepdim=True)
    steps = (torch.arange(size) - (size - 1) / 2) * PIXEL_MM + DISTANCE_MM
    images, sinograms = torch.rand(SAMPLED, 1, size, size), torch.rand(SAMPLED, beam.views, beam.bins)
    y, x = ((torch.arange(count) - (count - 1) / 2) * PIXEL_MM for count in (size, size))

    def forward() -> None:
        for view in range(beam.views):
            points = origin[view, :, None] + steps[:, None] * direction[view, :, None]
            where = (points / half).expand(SAMPLED, -1, -1, -1)
            torch.nn.functional.grid_sample(images, where, align_corners=False).sum(-1)

    def back() -> None:
        total = torch.zeros(SAMPLED, 1, size, size)
        for view, angle in enumerate(beam.angles_rad):
            along = x * math.cos(angle) + y[:, None] * math.sin(angle)
            depth = DISTANCE_MM - x * math.sin(angle) + y[:, None] * math.cos(angle)
            place = along / depth * 2 * DISTANCE_MM / beam.bin_mm / ((beam.bins - 1) / 2)
            where = torch.stack([place, torch.zeros_like(place)], -1).expand(SAMPLED, -1, -1, -1)
            seen = torch.nn.functional.grid_sample(sinograms[:, None, view, None], where, align_corners=True)
            total += (DISTANCE_MM / depth) ** 2 * seen

    yield f"grid_sample forward, {SAMPLED} slices", forward
    yield f"grid_sample backprojection, {SAMPLED} slices", back
