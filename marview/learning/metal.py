"""Add simulated metal to slices: implants at their anatomical positions, or random shapes in any tissue."""

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.learning.recipe import Metal
from marview.physics.implants import Implant, implant_names, place, rasterize
from marview.physics.implants.blob import blob
from marview.slices.shapes import tissue_of

Shares = dict[str, NDArray[np.float32]]
"""Metal fraction of each pixel, 0 to 1, `[y, x]`, by material."""

_PIXEL_MM = (0.7, 1.0)
"""Smallest and largest pixel size, in mm, for which implants are drawn at their true size."""

_RISE_MM = 45.0
_TRIES = 200
_MOST_METAL = 0.25
_FEWEST_PX = 4
_ROUNDS = 6
_SMALLER = (1.0, 0.25, 0.06)
"""Factors that shrink the area of a piece until it fits; a piece that never fits is left out."""


def draw_metal(hu: NDArray[np.float32], how: Metal, rng: np.random.Generator) -> Shares:
    """Draw simulated metal for a slice.

    Args:
        hu: slice, HU, `[y, x]`.
        how: settings of the simulated metal.
        rng: random generator.

    Raises:
        BadInput: the slice contains no tissue in which metal can be placed.
    """
    if rng.random() < how.implants:
        for _ in range(_ROUNDS):
            shares = _implant(hu, how, rng)
            if shares:
                return shares
    return draw_pieces(hu, how, rng)


def _implant(hu: NDArray[np.float32], how: Metal, rng: np.random.Generator) -> Shares:
    """Draw a cross-section of an implant that fits this slice, of any family; empty if none fits."""
    name = str(rng.choice([one for one in implant_names() if one != "random"]))
    material = str(rng.choice(how.materials)) if rng.random() < 0.5 else None
    pixel_mm = rng.uniform(*_PIXEL_MM) * 416 / max(hu.shape)
    return draw_implant(hu, name, material, pixel_mm, rng)


def draw_implant(
    hu: NDArray[np.float32], name: str, material: str | None, pixel_mm: float, rng: np.random.Generator
) -> Shares:
    """Draw a cross-section through an implant at a random height.

    Args:
        hu: slice without metal, HU, `[y, x]`.
        name: name of the implant, from `marview.physics.implants.implant_names`.
        material: material of the whole implant; None for its usual materials.
        pixel_mm: edge length of a pixel in mm.
        rng: random generator.

    Returns:
        Metal fractions by material; empty if the implant does not fit the slice, or if metal would cover too
        much of the slice.
    """
    seed, height = int(rng.integers(2**31)), rng.uniform(-_RISE_MM, _RISE_MM)
    try:
        implants = place(name, hu[None], (5.0, pixel_mm, pixel_mm), material=material, seed=seed)
    except BadInput:
        return {}
    y, x = (((np.arange(n) - (n - 1) / 2) * pixel_mm).astype(np.float32) for n in hu.shape)
    for level in (height, height / 3, 0.0):
        drawn = rasterize(implants, (np.array([level], dtype=np.float32), y, x))
        shares = {each: share[0] for each, share in drawn.items() if share.any()}
        area = sum(np.count_nonzero(share) for share in shares.values())
        if area >= _FEWEST_PX and area < _MOST_METAL * np.count_nonzero(hu > -500):
            return shares
    return {}


def draw_pieces(hu: NDArray[np.float32], how: Metal, rng: np.random.Generator) -> Shares:
    """Draw random metal shapes anywhere in the tissue of a slice; see `draw_metal` for arguments and errors."""
    free = tissue_of(hu)
    count = int(rng.integers(how.pieces[0], how.pieces[1] + 1))
    grid = (max(hu.shape) / 416) ** 2
    area = np.exp(rng.uniform(*np.log(how.area_px))) * grid
    parts = rng.dirichlet(np.full(count, 2.0)) * area
    shares: Shares = {}
    for part in parts:
        share = shares.setdefault(str(rng.choice(how.materials)), np.zeros(hu.shape, np.float32))
        for smaller in _SMALLER:
            if _put(_outline(max(float(part) * smaller, _FEWEST_PX), rng), free, share, rng):
                break
    shares = {name: share for name, share in shares.items() if share.any()}
    if not shares:
        raise BadInput("The slice contains no tissue in which metal could be placed.")
    return shares


def _outline(area_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a random shape in its bounding box; metal fraction of each pixel, 0 to 1, `[y, x]`."""
    diameter = 2 * np.sqrt(area_px / np.pi)
    shape: Implant = blob((0.0, 0.0, 0.0), float(diameter), seed=int(rng.integers(2**31)))
    low, high = shape.parts[0].solid.bounds
    reach = int(np.ceil(max(*-low[:2], *high[:2]))) + 1
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    [share] = rasterize([shape], (np.zeros(1, np.float32), axis, axis)).values()
    rows, columns = np.flatnonzero(share[0].any(axis=1)), np.flatnonzero(share[0].any(axis=0))
    if not rows.size:
        return np.ones((1, 1), dtype=np.float32)
    return share[0, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _put(
    piece: NDArray[np.float32], free: NDArray[np.bool_], share: NDArray[np.float32], rng: np.random.Generator
) -> bool:
    """Place a piece at a random free position; return False if none is found."""
    height, width = piece.shape
    places = np.flatnonzero(free)
    if not places.size or height >= free.shape[0] or width >= free.shape[1]:
        return False
    solid = piece > 0
    for place_ in rng.choice(places, _TRIES):
        y, x = divmod(int(place_), free.shape[1])
        y, x = y - height // 2, x - width // 2
        if y < 0 or x < 0 or y + height > free.shape[0] or x + width > free.shape[1]:
            continue
        room = free[y : y + height, x : x + width]
        if room[solid].all():
            share[y : y + height, x : x + width] += piece
            room[solid] = False
            return True
    return False
