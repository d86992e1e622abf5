"""Forward model of a scan, which computes the sinogram that a scanner would measure for an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from marview.physics.materials import Material, material
from marview.physics.polychromatic import WaterCorrection, polychromatic, polychromatic_of_two, water_correction
from marview.physics.spectrum import Spectrum
from marview.physics.tissue import split_tissue
from marview.projection import Projector

_IN_AIR = 0.1
"""Line integral below which a ray counts as a ray through air. A few rays that graze the body do not matter."""

_MEDIAN_SQUARE = 0.4549
"""Median of the square of a normally distributed number with variance 1."""

_FEWEST_RAYS = 200


@dataclass(frozen=True, eq=False)
class Crossing:
    """Line integrals of rays through water, bone and metal at the reference energy, `[slice, view, bin]`.

    Attributes:
        water: line integrals through the water in the tissue, unitless.
        bone: line integrals through the bone in the tissue, unitless.
        share: path length through metal, cm, weighted by the metal fraction of each pixel.
    """

    water: Tensor
    bone: Tensor
    share: Tensor

    def of_slice(self, number: int) -> "Crossing":
        """Return the line integrals of one slice."""
        part = slice(number, number + 1)
        return Crossing(self.water[part], self.bone[part], self.share[part])


@dataclass(frozen=True, eq=False)
class ScanModel:
    """Polychromatic forward model with scatter and water correction, for several slices at once.

    Attributes:
        projector: projector between images and sinograms.
        spectrum: spectrum of the tube.
        scatter_share: number of scattered photons per bin, divided by the number of photons in air.
    """

    projector: Projector
    spectrum: Spectrum
    scatter_share: float = 1e-6

    def tissue(self, mu: Tensor) -> Tensor:
        """Simulate the sinogram `[slice, view, bin]` of a metal-free image `[slice, y, x]` in 1/cm.

        The image is split into water and bone according to its values (`marview.physics.tissue`).
        """
        return self.read(self.through_tissue(self._lengths(split_tissue(mu))))

    def crossing(self, mu: Tensor, share: Tensor) -> Crossing:
        """Compute the line integrals of tissue and metal.

        Args:
            mu: image without metal, 1/cm, `[slice, y, x]`.
            share: metal fraction of each pixel, `[slice, y, x]`; pixels that are mostly metal contain no tissue.
        """
        tissue = split_tissue(mu * (share < 0.5))
        return Crossing(*self._lengths(torch.cat([tissue, share[None]])))

    def with_metal(self, crossing: Crossing, metals: Sequence[Material], trace: Tensor) -> Tensor:
        """Simulate the sinogram, `[slice, view, bin]`, of tissue with metal.

        Args:
            crossing: line integrals of the rays.
            metals: material of the metal in each slice.
            trace: rays that cross metal, bool, `[slice, view, bin]`; the other rays are simulated without metal.
        """
        seen = self.through_tissue(torch.stack([crossing.water, crossing.bone]))
        for number, metal in enumerate(metals):
            rays = trace[number]
            if bool(rays.any()):
                seen[number][rays] = self.through_metal(crossing, number, rays, metal)
        return self.read(seen)

    def through_tissue(self, lengths: Tensor) -> Tensor:
        """Compute the polychromatic line integrals through water and bone, `[slice, view, bin]`, unitless.

        Args:
            lengths: line integrals at the reference energy, unitless, `[(water, bone), slice, view, bin]`.
        """
        return polychromatic_of_two(lengths.clamp(min=0), _tissues(), self.spectrum)

    def through_metal(self, crossing: Crossing, number: int, rays: Tensor, metal: Material) -> Tensor:
        """Compute the polychromatic line integrals of selected rays through tissue and metal, `[ray]`, unitless.

        Args:
            crossing: line integrals of the rays.
            number: index of the slice.
            rays: selected rays, bool, `[view, bin]`.
            metal: material of the metal.
        """
        parts = (crossing.water[number][rays], crossing.bone[number][rays], crossing.share[number][rays] * metal.mu)
        return polychromatic(torch.stack(parts).clamp(min=0), [*_tissues(), metal], self.spectrum)

    def read(self, seen: Tensor) -> Tensor:
        """Add scatter to line integrals, and apply the scanner's water correction."""
        return self._correction(-torch.log(torch.exp(-seen) + self.scatter_share))

    @cached_property
    def _correction(self) -> WaterCorrection:
        return water_correction(material("water"), self.spectrum)

    def noise_variance(self, sinogram: Tensor) -> Tensor:
        """Estimate the variance of each ray's noise, `[slice, view, bin]`, from the rays through air.

        For rays through air, the variance is 1 divided by the number of photons. Other rays have fewer photons,
        in proportion to their transmission. Second differences along the bins suppress smooth structures in the
        air, such as a blanket. The variance is zero in slices with fewer than 200 rays through air, because
        the number of photons cannot be estimated there.

        Args:
            sinogram: measured line integrals, `[slice, view, bin]`.
        """
        correction = self._correction
        inner = sinogram[..., 1:-1]
        second = (sinogram[..., :-2] - 2 * inner + sinogram[..., 2:]).square() / 6  # as large as the noise
        squares = [each[rays.abs() < _IN_AIR] for each, rays in zip(second, inner, strict=True)]
        in_air = [float(each.median()) if each.numel() >= _FEWEST_RAYS else 0.0 for each in squares]
        of_one = sinogram.new_tensor(in_air)[:, None, None] / _MEDIAN_SQUARE / correction.coefficients[0] ** 2
        before = correction.undo(sinogram)
        return of_one * torch.exp(before.clamp(min=0)) * correction.slope(before).square()

    def _lengths(self, images: Tensor) -> Tensor:
        """Project images `[image, slice, y, x]` in one call; return `[image, slice, view, bin]`."""
        lengths = self.projector.forward(images.flatten(0, 1))
        return lengths.reshape(*images.shape[:2], *lengths.shape[1:])


def _tissues() -> list[Material]:
    return [material("water"), material("bone")]
