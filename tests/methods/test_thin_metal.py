"""Thin metal, rods on a scale that ends at 3071 HU, and metal that stays below its end."""

import numpy as np
import pytest
import torch

from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.methods.thin_metal import is_thin

PIXEL_MM, SIZE = 0.8, 400


def _case(diameters_mm: tuple[float, ...], metal_hu: float = 3071) -> MarCase:
    """A body of water with round metal of these diameters, 3071 HU as in clipped files."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    hu = np.where((x / 180) ** 2 + (y / 130) ** 2 < 1, 40, -1000).astype(np.float32)
    metal = np.zeros(hu.shape, bool)
    for place, diameter in enumerate(diameters_mm):
        metal |= np.hypot(x - 50 * (place - 0.5), y - 40) <= diameter / 2 / PIXEL_MM
    hu[metal] = metal_hu
    scan = torch.from_numpy(hu)[None]
    return MarCase(scan, torch.from_numpy(metal)[None], PIXEL_MM, processing_beam(PIXEL_MM), [0])


def test_wires_are_thin_and_rods_are_not() -> None:
    assert is_thin(_case((2.0, 2.0))).tolist() == [True]
    assert is_thin(_case((7.0, 7.0))).tolist() == [False]


def _added(case: MarCase) -> float:
    return float((case.sinogram - case.li_sinogram)[case.trace].mean())


def test_metal_at_the_end_of_the_scale_is_thin_up_to_a_lower_limit_than_metal_below_it() -> None:
    rods, coarse = _case((6.4, 6.4)), _case((9.0, 9.0), metal_hu=2200)
    assert _added(rods) == pytest.approx(_added(coarse), abs=0.03)
    assert is_thin(rods).tolist() == [False]
    assert is_thin(coarse).tolist() == [True]


def test_metal_denser_than_the_scale_has_the_lower_limit_too() -> None:
    dense = _case((2.4,) * 4, metal_hu=9000)
    assert 0.24 < _added(dense) < 0.3
    assert is_thin(dense).tolist() == [False]
