"""Simulate scans of tissue with metal, together with the ground truth.

The steps are the same as in published simulators (CNN-MAR, Zhang and Yu 2018; ADN, Liao 2019; DuDoNet,
Lin 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import UsageError
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.physics.materials import Material, material
from marview.physics.photons import count_photons
from marview.physics.polychromatic import WaterCorrection, polychromatic, polychromatic_of_two, water_correction
from marview.physics.protocols import Protocol
from marview.physics.protocols import protocol as named_protocol
from marview.physics.scanner import Scanner
from marview.physics.spectrum import Spectrum
from marview.physics.tissue import split_tissue
from marview.projection import Projector, fill_linear

_ROUNDING = 1e-4


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Switches for the stages of the simulation.

    Attributes:
        bone: whether dense tissue attenuates like cortical bone; otherwise all tissue attenuates like
            water.
        tissue_under_metal: whether metal is added to the tissue, as in ADN; otherwise it replaces the
            tissue.
        edges: whether to reduce the line integrals of metal for rays at the edge of the metal trace
            (`Scanner.edge_share`).
        hardening: whether to simulate beam hardening with the spectrum of a tube; otherwise all photons
            have an energy of 70 keV.
        noise: whether to add photon noise.
        scatter: whether to add scattered photons.
        water_correction: whether to apply the scanner's water correction.
    """

    bone: bool = True
    tissue_under_metal: bool = False
    edges: bool = True
    hardening: bool = True
    noise: bool = True
    scatter: bool = True
    water_correction: bool = True


@dataclass(frozen=True, eq=False)
class Simulation:
    """Simulated scan, with images and filled sinograms that are computed when first used.

    Attributes:
        mu: true image without metal in 1/cm, float32 `[slice, y, x]`.
        metal: metal mask, bool `[slice, y, x]`; True where a pixel contains any metal.
        sinogram: line integrals with metal, float32 `[slice, view, bin]`, unitless.
        metal_free_sinogram: line integrals of the same scan without metal, with the same noise outside the
            trace, float32 `[slice, view, bin]`, unitless.
        trace: metal trace, bool `[slice, view, bin]`.
        projector: projector between these images and sinograms.
    """

    mu: Tensor
    metal: Tensor
    sinogram: Tensor
    metal_free_sinogram: Tensor
    trace: Tensor
    projector: Projector = field(repr=False)

    def __repr__(self) -> str:
        rays = " x ".join(map(str, self.sinogram.shape))
        return f"Simulation({rays} rays, {float(self.trace.float().mean()):.1%} of them through metal)"

    @cached_property
    def li_sinogram(self) -> Tensor:
        """The sinogram with its trace filled by linear interpolation, float32 `[slice, view, bin]`, unitless."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def image(self) -> Tensor:
        """FBP of the scan with metal in 1/cm, float32 `[slice, y, x]`."""
        return self.projector.fbp(self.sinogram)

    @cached_property
    def li_image(self) -> Tensor:
        """FBP of the filled sinogram in 1/cm, float32 `[slice, y, x]`."""
        return self.projector.fbp(self.li_sinogram)

    @cached_property
    def metal_free_image(self) -> Tensor:
        """FBP of the scan without metal in 1/cm, float32 `[slice, y, x]`.

        This is the result of a perfect sinogram completion.
        """
        return self.projector.fbp(self.metal_free_sinogram)

    @property
    def image_hu(self) -> Tensor:
        """FBP of the scan with metal in HU, float32 `[slice, y, x]`."""
        return mu_to_hu(self.image)

    @property
    def truth_hu(self) -> Tensor:
        """True image without metal in HU, float32 `[slice, y, x]`."""
        return mu_to_hu(self.mu)


def simulate(
    hu: Tensor | NDArray[Any],
    metal: Mapping[str | Material, Tensor | NDArray[Any]],
    protocol: Protocol | str,
    *,
    stages: Stages | None = None,
    scanner: Scanner | None = None,
    seed: int = 0,
) -> Simulation:
    """Simulate the scan of slices with metal.

    The simulation runs on the device of `hu`, or on PyTorch's default device if `hu` is a NumPy array.
    On the same device, the same seed produces identical results.

    Args:
        hu: image without metal, HU, `[slice, y, x]` on the protocol's grid; values below -1000 count as
            -1000.
        metal: metal fraction of each pixel, 0 to 1, `[slice, y, x]`, keyed by material. A material is a
            `Material` or a name such as "ti", "fe" or "cocrmo" (`marview.physics.material_names` lists
            all names).
        protocol: scan protocol, or its name.
        stages: stages to include; all by default.
        scanner: details of the scanner; the default matches the published simulators.
        seed: seed of the noise.

    Returns:
        The sinograms with and without metal, the metal trace, and the images of both scans.

    Raises:
        UsageError: a material or protocol is unknown, shapes do not match, values are not finite, or
            fractions are outside 0 to 1.

    Examples:
        >>> from marview.physics import protocol
        >>> tissue, pin = np.zeros((1, 256, 256)), np.zeros((1, 256, 256))
        >>> pin[0, 120:124, 130:134] = 1
        >>> simulate(tissue, {"ti": pin}, protocol("adn-256")).sinogram.shape
        torch.Size([1, 320, 197])
    """
    stages, scanner = stages or Stages(), scanner or Scanner()
    if not isinstance(metal, Mapping):
        raise UsageError('The metal must be a dictionary of arrays by material, such as {"ti": fractions}.')
    if not isinstance(protocol, Protocol):
        protocol = named_protocol(protocol)
    image = _image(hu, (-1, *protocol.shape), "The tissue")
    shares = {one: _share(part, image) for one, part in metal.items()}
    mu = hu_to_mu(image.clamp(min=-1000))
    projector = Projector(protocol.beam, shape=protocol.shape, pixel_mm=protocol.pixel_mm)
    metals = [one if isinstance(one, Material) else material(one) for one in shares]
    total = torch.stack([*shares.values(), torch.zeros_like(mu)]).sum(dim=0)
    inside = torch.zeros_like(mu) if stages.tissue_under_metal else (total >= 0.5).to(mu.dtype)

    tissue = split_tissue(mu) if stages.bone else torch.stack([mu, torch.zeros_like(mu)])
    images = [scanner.enlarged(each) for each in [*tissue, *(tissue * inside), *shares.values()]]
    lengths = _project(scanner.fine(projector), images)
    without, displaced, lengths_of_metal = lengths[:2], lengths[2:4], lengths[4:]
    crossed = (lengths_of_metal > 0).any(dim=0)
    through = [one.mu * length[crossed] for one, length in zip(metals, lengths_of_metal, strict=True)]
    if stages.edges and scanner.fineness == 1:
        edge = edge_rays(crossed)[crossed]
        through = [torch.where(edge, part * scanner.edge_share, part) for part in through]
    crossing = torch.stack([*(without - displaced)[:, crossed].clamp(min=0), *through])

    spectrum = scanner.filtered(protocol.spectrum)
    detector = _Detector(protocol, stages, spectrum, torch.Generator(image.device).manual_seed(seed))
    water_and_bone = [material("water"), material("bone")]
    metal_free = detector.attenuation(without, water_and_bone)
    with_metal = metal_free.clone()
    if bool(crossed.any()):
        with_metal[crossed] = detector.attenuation(crossing, [*water_and_bone, *metals])
    metal_free, with_metal = scanner.seen(metal_free), scanner.seen(with_metal)
    trace = scanner.any_ray(crossed)
    differs = trace | (with_metal != metal_free)  # the detector blur extends the metal beyond the trace
    metal_free_sinogram = detector.read(metal_free)
    sinogram = metal_free_sinogram.clone()
    if bool(differs.any()):
        sinogram[differs] = detector.read(with_metal[differs])
    return Simulation(mu, total > 0, sinogram, metal_free_sinogram, trace, projector)


@dataclass(frozen=True, eq=False)
class _Detector:
    protocol: Protocol
    stages: Stages
    spectrum: Spectrum
    generator: torch.Generator

    def attenuation(self, lengths: Tensor, materials: Sequence[Material]) -> Tensor:
        """Convert the line integrals of each material, `[material, ...]`, to polychromatic line integrals, `[...]`."""
        if not self.stages.hardening:
            return lengths.sum(dim=0)
        mixed = polychromatic_of_two if len(materials) == 2 else polychromatic
        return mixed(lengths, materials, self.spectrum)

    def read(self, seen: Tensor) -> Tensor:
        """Add photon noise to line integrals, and apply the water correction."""
        stages, protocol = self.stages, self.protocol
        if stages.noise or stages.scatter:
            scatter = protocol.scatter_photons if stages.scatter else 0.0
            seen = count_photons(seen, protocol.photons, scatter, self.generator if stages.noise else None)
        return self.correction(seen) if stages.hardening and stages.water_correction else seen

    @cached_property
    def correction(self) -> WaterCorrection:
        return water_correction(material("water"), self.spectrum)


def _image(array: Tensor | NDArray[Any], shape: Sequence[int], what: str) -> Tensor:
    """Convert an array to float32 and check its shape; -1 in the shape stands for any number of slices."""
    image = array if isinstance(array, Tensor) else torch.as_tensor(np.asarray(array, dtype=np.float32))
    image = image.to(
        dtype=torch.float32, device=image.device if isinstance(array, Tensor) else torch.get_default_device()
    )
    if image.ndim != 3 or any(has != wanted for has, wanted in zip(image.shape, shape, strict=True) if wanted >= 0):
        wanted = ", ".join("slice" if each < 0 else str(each) for each in shape)
        raise UsageError(f"{what} must have shape [{wanted}], not {list(image.shape)}.")
    if not bool(image.isfinite().all()):
        raise UsageError(f"{what} contains non-finite values.")
    return image


def _share(array: Tensor | NDArray[Any], image: Tensor) -> Tensor:
    """Convert and check the metal fraction of each pixel of an image."""
    share = _image(array, image.shape, "The metal").to(image.device)
    outside = share[(share < 0) | (share > 1 + _ROUNDING)]
    if outside.numel():
        raise UsageError(f"A metal fraction must be between 0 and 1, not {float(outside[0]):g}.")
    return share


def _project(projector: Projector, images: Sequence[Tensor]) -> Tensor:
    """Project several images in one call, `[image, slice, view, bin]`, skipping empty slices."""
    stacked = torch.stack(list(images)).flatten(0, 1)
    full = stacked.flatten(1).any(dim=1)
    lengths = stacked.new_zeros(len(stacked), projector.beam.views, projector.beam.bins)
    if bool(full.any()):
        lengths[full] = projector.forward(stacked[full])
    return lengths.reshape(len(images), -1, *lengths.shape[1:])


def edge_rays(trace: Tensor) -> Tensor:
    """Return the rays of a trace next to a bin outside the trace, bool, `[slice, view, bin]`."""
    beside = torch.nn.functional.pad(trace, (1, 1), value=True)
    return trace & ~(beside[..., :-2] & beside[..., 2:])
