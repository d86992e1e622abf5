"""Solids: their volumes, boxes and signs."""

import numpy as np
import pytest

from marview.physics.shapes import (
    Block,
    Column,
    Common,
    Ellipsoid,
    Rod,
    Solid,
    Union,
    Wire,
    Without,
    ball,
    both_sides,
    smooth_curve,
)

AXIS = np.arange(-20, 20, 0.5, dtype=np.float32) + 0.25


def inside(solid: Solid) -> np.ndarray:
    z, y, x = AXIS[:, None, None], AXIS[None, :, None], AXIS[None, None, :]
    return np.broadcast_to(solid.distance(x, y, z), (AXIS.size,) * 3) < 0


SOLIDS = [
    (ball((1, 2, -3), 8.0), 4 / 3 * np.pi * 8**3),
    (Ellipsoid((0, 1, 2), (12, 5, 7), 0.6), 4 / 3 * np.pi * 12 * 5 * 7),
    (Rod((-5, 0, -6), (5, 4, 6), 4.0, is_flat=True), np.pi * 16 * np.sqrt(100 + 16 + 144)),
    (Rod((0, 0, -6), (0, 0, 6), 4.0), np.pi * 16 * 12 + 4 / 3 * np.pi * 64),
    (Block((1, -1, 0), (6, 4, 9)), 8 * 6 * 4 * 9),
    (Column((0, 0, 0), (9, 5), 14.0), np.pi * 45 * 14),
    (Without(ball((0, 0, 0), 9), (ball((0, 0, 0), 6),)), 4 / 3 * np.pi * (9**3 - 6**3)),
    (Common((Block((-10, 0, 0), (10, 20, 20)), ball((0, 0, 0), 9))), 2 / 3 * np.pi * 9**3),
    (Union((Block((-6, 0, 0), (3, 3, 3)), Block((6, 0, 0), (3, 3, 3)))), 2 * 6**3),
    (both_sides(ball((9, 0, 0), 5.0)), 2 * 4 / 3 * np.pi * 125),
]


@pytest.mark.parametrize(("solid", "volume_mm3"), SOLIDS)
def test_volume(solid: Solid, volume_mm3: float) -> None:
    assert inside(solid).sum() * 0.125 == pytest.approx(volume_mm3, rel=0.03)


@pytest.mark.parametrize("solid", [solid for solid, _ in SOLIDS])
def test_nothing_lies_outside_the_box(solid: Solid) -> None:
    low, high = solid.bounds
    found = np.argwhere(inside(solid))[:, ::-1]
    assert (AXIS[found.min(axis=0)] >= low - 1e-3).all()
    assert (AXIS[found.max(axis=0)] <= high + 1e-3).all()


def test_a_curve_runs_through_its_points() -> None:
    points = ((0.0, 0.0, 0.0), (5.0, 2.0, 1.0), (9.0, -3.0, 4.0))
    curve = np.array(smooth_curve(points))
    for point in points:
        assert np.linalg.norm(curve - point, axis=1).min() < 1e-9


def test_a_wire_has_its_stated_thickness() -> None:
    assert inside(Wire(((0, 0, -10), (0, 0, 10)), 3.0))[40].sum() * 0.25 == pytest.approx(np.pi * 9, rel=0.03)
