"""Paint tissue into a volume, solid by solid; later solids cover earlier ones."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from marview.physics.shapes import Solid, pieces

Array = NDArray[np.float32]
Block = tuple[slice, slice, slice]

_NEAR_MM = 4.0
_FAR_MM = 40.0


@dataclass(frozen=True)
class Tissue:
    """Tissue that fills a solid.

    Attributes:
        hu: mean HU.
        grain_hu: standard deviation of the finest texture, HU.
        patch_hu: standard deviation of texture with structures a few millimetres wide, HU.
        septa_hu: HU added in thin sheets, such as fibres in fat, or fat in muscle.
    """

    hu: float
    grain_hu: float = 3.0
    patch_hu: float = 4.0
    septa_hu: float = 0.0


FAT = Tissue(-104, 4, 5, 42)
PELVIC_FAT = Tissue(-98, 4, 6, 60)
MUSCLE = Tissue(54, 4, 5, -58)
SKIN = Tissue(35, 6, 10)
BLOOD = Tissue(44, 3, 2)
FLUID = Tissue(8, 2, 2)
GAS = Tissue(-990, 4, 0)
CORTEX = Tissue(1250, 40, 90)
TRABECULAR = Tissue(210, 62, 45)
MARROW = Tissue(-55, 12, 15)
CARTILAGE = Tissue(95, 4, 6)


class Canvas:
    """HU volume centred on the origin; x points to the patient's left, y to the back, z to the head.

    Attributes:
        hu: float32 `[z, y, x]`; initially air.
        spacing_mm: voxel spacing along (z, y, x).
        x: voxel centres `[1, 1, x]`, mm.
        y: voxel centres `[1, y, 1]`, mm.
        z: voxel centres `[z, 1, 1]`, mm.
    """

    def __init__(self, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], seed: int) -> None:
        self.hu: Array = np.full(shape, -1000, dtype=np.float32)
        self.spacing_mm = spacing_mm
        self._generator = np.random.default_rng(seed)
        axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing_mm, strict=True)]
        self.z, self.y, self.x = (
            np.asarray(axis, dtype=np.float32).reshape([-1 if i == k else 1 for i in range(3)])
            for k, axis in enumerate(axes)
        )

    def paint(self, solid: Solid, tissue: Tissue, *, wobble_mm: float = 0.0, edge_mm: float = 1.0) -> None:
        """Fill a solid with tissue.

        Args:
            solid: solid to fill.
            tissue: tissue that fills the solid.
            wobble_mm: standard deviation of the random displacement of the surface.
            edge_mm: width of the transition at the surface.
        """
        block = self._block(solid, 3 * wobble_mm + edge_mm)
        if block is None:
            return
        distance = self.distance(solid, block, wobble_mm)
        self._blend(block, np.clip(0.5 - distance / np.float32(edge_mm), 0, 1), self.filling(tissue, block))

    def paint_muscle(self, solid: Solid, *, wobble_mm: float = 2.0, sheath_mm: float = 1.1) -> None:
        """Fill a solid with muscle, and surround it with a thin sheath of fat that separates it from other muscles.

        Args:
            solid: solid to fill.
            wobble_mm: standard deviation of the random displacement of the surface.
            sheath_mm: mean thickness of the sheath, which is outside the solid.
        """
        block = self._block(solid, 3 * wobble_mm + sheath_mm)
        if block is None:
            return
        distance = self.distance(solid, block, wobble_mm)
        sheath = sheath_mm * np.clip(1 + 0.7 * self.coarse[block], 0.2, 2.5)
        self._blend(block, np.clip(0.5 - (distance - sheath) / 1.2, 0, 1), self.filling(FAT, block))
        self._blend(block, np.clip(0.5 - distance / 1.2, 0, 1), self.filling(MUSCLE, block))

    def paint_bone(
        self,
        solid: Solid,
        *,
        cortex_mm: float = 1.6,
        inside: Tissue = TRABECULAR,
        cortex: Tissue = CORTEX,
        wobble_mm: float = 0.5,
    ) -> None:
        """Fill a solid with bone: a cortex of varying thickness around the inner tissue.

        Args:
            solid: solid to fill.
            cortex_mm: mean thickness of the cortex.
            inside: inner tissue; if it is denser than water, it becomes denser near the cortex.
            cortex: tissue of the cortex.
            wobble_mm: standard deviation of the random displacement of the surface.
        """
        block = self._block(solid, 3 * wobble_mm + 1)
        if block is None:
            return
        distance = self.distance(solid, block, wobble_mm)
        thickness = cortex_mm * (1 + 0.3 * self.coarse[block])
        shell = np.clip(0.5 + (distance + thickness) / 1.0, 0, 1)
        # trabeculae are denser near the cortex
        dense = 1 + 0.8 * np.exp(np.minimum(distance, 0) / 4)
        core = self.filling(inside, block) * (dense if inside.hu > 0 else 1)
        filling = shell * self.filling(cortex, block) + (1 - shell) * core
        self._blend(block, np.clip(0.5 - distance / 1.0, 0, 1), filling)

    def distance(self, solid: Solid, block: Block, wobble_mm: float = 0.0) -> Array:
        """Return the signed distance of each voxel in a block to a solid whose surface is randomly displaced.

        The distance is at most 40 mm.
        """
        nearest = np.full(self.hu[block].shape, _FAR_MM, dtype=np.float32)
        for piece in pieces(solid):
            near = self._block(piece, 3 * wobble_mm + _NEAR_MM)
            if near is None:
                continue
            part = _common(near, block)
            inner = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, block, strict=True))
            z, y, x = self.z[part[0]], self.y[:, part[1]], self.x[:, :, part[2]]
            if wobble_mm:
                wobble = np.float32(wobble_mm)
                x, y = x + wobble * self.stray_x[part], y + wobble * self.stray_y[part]
            np.minimum(nearest[inner], piece.distance(x, y, z), out=nearest[inner])
        return nearest

    def filling(self, tissue: Tissue, block: Block) -> Array:
        """Return the HU of a block filled with one tissue."""
        value = tissue.hu + tissue.grain_hu * self.grain[block] + tissue.patch_hu * self.patches[block]
        if tissue.septa_hu:
            value = value + tissue.septa_hu * self.septa[block]
        return value

    @cached_property
    def grain(self) -> Array:
        """Return fine texture with standard deviation 1, `[z, y, x]`."""
        return self._texture(0.7)

    @cached_property
    def patches(self) -> Array:
        """Return texture with structures a few millimetres wide and standard deviation 1, `[z, y, x]`."""
        return self._texture(3.0)

    @cached_property
    def coarse(self) -> Array:
        """Return texture with structures a few centimetres wide and standard deviation 1, `[z, y, x]`."""
        return self._texture(12.0)

    @cached_property
    def septa(self) -> Array:
        """Return thin sheets, 0 to 1, where a smooth random field changes sign, `[z, y, x]`."""
        field = self._texture(4.5)
        return np.asarray(np.exp(-((field / 0.11) ** 2)) * np.clip(0.5 + 0.6 * self.coarse, 0, 1), dtype=np.float32)

    @cached_property
    def stray_x(self) -> Array:
        """Return the random displacement of outlines along x, with standard deviation 1."""
        return 0.8 * self._texture(14.0) + 0.35 * self._texture(5.0)

    @cached_property
    def stray_y(self) -> Array:
        """Return the random displacement of outlines along y, with standard deviation 1."""
        return 0.8 * self._texture(14.0) + 0.35 * self._texture(5.0)

    def _texture(self, scale_mm: float) -> Array:
        """Return Gaussian noise with this correlation length and standard deviation 1."""
        steps = [max(1.0, scale_mm / 1.6 / step) for step in self.spacing_mm]
        small = [int(np.ceil(n / step)) + 2 for n, step in zip(self.hu.shape, steps, strict=True)]
        noise = self._generator.standard_normal(small, dtype=np.float32)
        sigma = [scale_mm / (spacing * step) for spacing, step in zip(self.spacing_mm, steps, strict=True)]
        noise = gaussian_filter(noise, sigma, mode="wrap")
        if small != [n + 2 for n in self.hu.shape]:
            order = [(n + 2 * step) / m for n, step, m in zip(self.hu.shape, steps, small, strict=True)]
            noise = zoom(noise, order, order=1, mode="nearest", grid_mode=True)
        cut = noise[tuple(slice(0, n) for n in self.hu.shape)]
        return np.asarray(cut / cut.std(), dtype=np.float32)

    def _block(self, solid: Solid, margin_mm: float) -> Block | None:
        """Return the part of the grid that contains a solid and a margin around it; None if it is outside the grid."""
        low, high = solid.bounds
        block = []
        for axis, spacing, lowest, highest in zip(
            (self.z, self.y, self.x), self.spacing_mm, low[::-1], high[::-1], strict=True
        ):
            first = float(axis.flat[0])
            start = max(0, int(np.floor((lowest - margin_mm - first) / spacing)))
            stop = min(axis.size, int(np.ceil((highest + margin_mm - first) / spacing)) + 1)
            if start >= stop:
                return None
            block.append(slice(start, stop))
        return block[0], block[1], block[2]

    def _blend(self, block: Block, cover: NDArray[np.floating[Any]], value: NDArray[np.floating[Any]]) -> None:
        here = self.hu[block]
        here += cover.astype(np.float32, copy=False) * (value - here)


def _common(one: Block, other: Block) -> Block:
    z, y, x = (
        slice(max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one, other, strict=True)
    )
    return z, y, x
