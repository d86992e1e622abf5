"""Thin metal and rods on a scale that ends at 3071 HU."""

import numpy as np
import torch

from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.methods.thin_metal import is_thin

PIXEL_MM, SIZE = 0.8, 400


def _clipped(diameters_mm: tuple[float, ...]) -> MarCase:
    """A body of water with round metal of these diameters, 3071 HU as in clipped files."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    hu = np.where((x / 180) ** 2 + (y / 130) ** 2 < 1, 40, -1000).astype(np.float32)
    for place, diameter in enumerate(diameters_mm):
        hu[np.hypot(x - 50 * (place - 0.5), y - 40) <= diameter / 2 / PIXEL_MM] = 3071
    scan = torch.from_numpy(hu)[None]
    return MarCase(scan, scan > 3000, PIXEL_MM, processing_beam(PIXEL_MM), [0])


def test_wires_are_thin_and_rods_are_not() -> None:
    assert is_thin(_clipped((2.0, 2.0))).tolist() == [True]
    assert is_thin(_clipped((7.0, 7.0))).tolist() == [False]
