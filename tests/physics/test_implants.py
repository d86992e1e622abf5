"""Implants: in one piece, of plausible size, at their anatomical place."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from marview.errors import BadInput, UsageError
from marview.physics.implants import Implant, implant_names, place, rasterize
from marview.physics.implants.blob import blob
from marview.physics.implants.chest import pacemaker, port, sternal_wire
from marview.physics.implants.dental import crown, dental_screw, filling
from marview.physics.implants.hip import hip
from marview.physics.implants.plate import plate
from marview.physics.implants.spine import pedicle_screws
from marview.physics.implants.vessel import clip, coil, electrode

ORIGIN = (0.0, 0.0, 0.0)
FAMILIES: dict[str, tuple[Callable[[], Implant], tuple[float, float, float]]] = {
    # implant and its extent along x, y, z in mm
    "hip": (lambda: hip(ORIGIN, (27, 6, -24), (23, 8, -120)), (65, 54, 152)),
    "screws": (
        lambda: pedicle_screws((((25, 58, -19), (10, 12, -21)), ((25, 58, 19), (10, 12, 17)))),
        (28, 60, 70),
    ),
    "plate": (lambda: plate(ORIGIN, (0, 0, 1), (-1, 0, 0)), (38, 12, 70)),
    "filling": (lambda: filling(ORIGIN), (4.5, 5.8, 3.3)),
    "crown": (lambda: crown(ORIGIN), (8.5, 6.8, 8.0)),
    "dental screw": (lambda: dental_screw(ORIGIN), (4.1, 4.1, 18)),
    "port": (lambda: port(ORIGIN, ((8, 10, 18), (40, 32, 20), (70, 48, -10))), (85, 60, 40)),
    "pacemaker": (lambda: pacemaker(ORIGIN, (((-30, 30, 22), (-60, 40, -40)),)), (86, 46, 68)),
    "sternal wire": (lambda: sternal_wire(ORIGIN, 13.0, 8.0), (27, 18.5, 10)),
    "coil": (lambda: coil(ORIGIN), (10, 10, 10)),
    "clip": (lambda: clip(ORIGIN), (10, 4, 4)),
    "electrode": (lambda: electrode(ORIGIN, (20, -20, 40)), (21, 21, 42)),
    "blob": (lambda: blob(ORIGIN, 20.0, seed=3), (22, 22, 12)),
}


def drawn(implant: Implant, step_mm: float) -> np.ndarray:
    """Voxels with metal in them, on a grid around the implant."""
    corners = [part.solid.bounds for part in implant.parts]
    low, high = np.min([a for a, _ in corners], axis=0) - 2, np.max([b for _, b in corners], axis=0) + 2
    axes = [np.arange(low[k], high[k], step_mm, dtype=np.float32) for k in (2, 1, 0)]
    return np.sum(list(rasterize((implant,), (axes[0], axes[1], axes[2])).values()), axis=0) > 0.3


@pytest.mark.parametrize("name", FAMILIES)
def test_an_implant_is_one_piece_of_its_size(name: str) -> None:
    build, extent_mm = FAMILIES[name]
    step_mm = 0.4 if max(extent_mm) < 25 else 0.8
    metal = drawn(build(), step_mm)
    _, pieces = ndimage.label(metal, np.ones((3, 3, 3)))
    # the liner of plastic parts a cup from its head
    assert pieces == (2 if name == "hip" else 1)
    found = np.argwhere(metal)
    measured = (found.max(axis=0) - found.min(axis=0) + 1)[::-1] * step_mm
    np.testing.assert_allclose(measured, extent_mm, rtol=0.2, atol=2.5)


def test_a_voxel_holds_no_more_than_itself() -> None:
    implant = hip(ORIGIN, (27, 6, -24), (23, 8, -60))
    axis = np.arange(-70, 70, 1.0, dtype=np.float32)
    shares = rasterize((implant,), (axis, axis, axis))
    assert set(shares) == {"ti6al4v", "cocrmo"}
    total = np.sum(list(shares.values()), axis=0)
    assert total.min() >= 0
    assert total.max() <= 1 + 1e-6


def test_random_shapes_differ_by_seed_and_keep_their_area() -> None:
    first, again, other = (drawn(blob(ORIGIN, 20.0, seed=seed), 0.5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    areas = [part.any(axis=0).sum() * 0.25 for part in (first, other)]
    np.testing.assert_allclose(areas, np.pi * 100, rtol=0.1)


# -- placement ---------------------------------------------------------------------------------------------------------

SPACING_MM = (4.0, 2.0, 2.0)
SHAPE = (30, 140, 180)


@pytest.fixture(scope="module")
def trunk() -> np.ndarray:
    """A trunk with hips on both sides, a spine with pedicles, a breastbone and two teeth; HU."""
    z, y, x = (
        ((np.arange(n) - (n - 1) / 2) * step).reshape([-1 if i == k else 1 for i in range(3)])
        for k, (n, step) in enumerate(zip(SHAPE, SPACING_MM, strict=True))
    )
    hu = np.full(SHAPE, -1000.0)
    hu[np.broadcast_to((x / 165) ** 2 + (y / 115) ** 2 < 1, SHAPE)] = 40
    for side in (-1, 1):
        hu[(x - side * 95) ** 2 + y**2 + z**2 < 26**2] = 400
        hu[np.broadcast_to((np.abs(x - side * 19) < 7) & (np.abs(y - 50) < 22), SHAPE)] = 500
        hu[np.broadcast_to((np.hypot(x - side * 30, y + 60) < 5) & (np.abs(z) < 6), SHAPE)] = 2200
    hu[np.broadcast_to(((x / 25) ** 2 + ((y - 20) / 18) ** 2 < 1) & (np.abs(z) < 56), SHAPE)] = 300
    hu[np.broadcast_to((np.abs(x) < 14) & (np.abs(y + 100) < 5), SHAPE)] = 350
    return hu.astype(np.int16)


def metal_of(implants: tuple[Implant, ...]) -> np.ndarray:
    axes = [((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(SHAPE, SPACING_MM, strict=True)]
    return np.sum(list(rasterize(implants, (axes[0], axes[1], axes[2])).values()), axis=0) >= 0.2


@pytest.mark.parametrize("name", implant_names())
def test_an_implant_lies_in_the_body(name: str, trunk: np.ndarray) -> None:
    metal = metal_of(place(name, trunk, SPACING_MM))
    assert metal.any()
    assert (trunk[metal] > -400).mean() > 0.95


@pytest.mark.parametrize(("name", "share"), [("hip-left", 0.4), ("pedicle-screws", 0.5), ("fillings", 0.8)])
def test_bone_implants_lie_in_bone(name: str, share: float, trunk: np.ndarray) -> None:
    metal = metal_of(place(name, trunk, SPACING_MM))
    assert (trunk[metal] > 200).mean() > share


def test_left_is_left_and_both_are_both(trunk: np.ndarray) -> None:
    left, right = (np.argwhere(metal_of(place(name, trunk, SPACING_MM)))[:, 2] for name in ("hip-left", "hip-right"))
    assert left.min() > SHAPE[2] / 2 > right.max()
    both = np.argwhere(metal_of(place("hip-bilateral", trunk, SPACING_MM)))[:, 2]
    assert (both.min(), both.max()) == (right.min(), left.max())


def test_the_material_asked_for_is_what_it_is_made_of(trunk: np.ndarray) -> None:
    implants = place("hip-bilateral", trunk, SPACING_MM, material="316l")
    assert {part.material for implant in implants for part in implant.parts} == {"316l"}


def test_chance_follows_the_seed(trunk: np.ndarray) -> None:
    first, again, other = (metal_of(place("random", trunk, SPACING_MM, seed=seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_implants_without_a_place_are_refused_with_a_message(trunk: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"no implant 'nose-ring'.*hip-left"):
        place("nose-ring", trunk, SPACING_MM)
    with pytest.raises(UsageError, match="no metal 'wood'"):
        place("clips", trunk, SPACING_MM, material="wood")
    with pytest.raises(BadInput, match="this volume shows no body"):
        place("clips", np.full(SHAPE, -1000, np.int16), SPACING_MM)
    soft = np.where(trunk > -400, 40, -1000).astype(np.int16)
    for name in ("hip-left", "pedicle-screws", "fillings", "sternal-wires"):
        with pytest.raises(BadInput, match="choose another implant or series"):
            place(name, soft, SPACING_MM)
