"""Describe implants as solids of named materials, and convert them to voxels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.physics.shapes import Solid


@dataclass(frozen=True)
class Part:
    """Part of an implant, made of one material.

    Attributes:
        solid: shape and position, (x, y, z) in mm.
        material: name of a material, as in `marview.physics.material`.
    """

    solid: Solid
    material: str


@dataclass(frozen=True)
class Implant:
    """Implant made of several parts.

    Attributes:
        name: name of the implant, such as "hip-left".
        parts: parts of the implant; where two parts overlap, the later one takes precedence.
    """

    name: str
    parts: tuple[Part, ...]


def rasterize(
    implants: Sequence[Implant], axes_mm: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Return the metal fraction of each voxel, `[z, y, x]`, keyed by material.

    The fraction is 0.5 if the surface of the implant passes through the centre of the voxel. It is 0 or
    1 if the surface is at least half a pixel from the centre.

    Args:
        implants: implants to rasterize.
        axes_mm: voxel centres along (z, y, x), mm, evenly spaced and increasing.
    """
    shape = tuple(axis.size for axis in axes_mm)
    shares: dict[str, NDArray[np.float32]] = {}
    for part in (part for implant in implants for part in implant.parts):
        low, high = part.solid.bounds
        pixel_mm = float(axes_mm[2][1] - axes_mm[2][0])
        block = tuple(
            slice(*np.searchsorted(axis, (lowest - pixel_mm, highest + pixel_mm)))
            for axis, lowest, highest in zip(axes_mm, low[::-1], high[::-1], strict=True)
        )
        z, y, x = (axis[along] for axis, along in zip(axes_mm, block, strict=True))
        if not (z.size and y.size and x.size):
            continue
        distance = part.solid.distance(x[None, None, :], y[None, :, None], z[:, None, None])
        cover = np.clip(0.5 - distance / pixel_mm, 0, 1).astype(np.float32)
        for other in shares.values():
            other[block] *= 1 - cover
        if part.material not in shares:
            shares[part.material] = np.zeros(shape, dtype=np.float32)
        share = shares[part.material]
        share[block] = np.maximum(share[block], cover)
    return shares
