"""Simulate surrogates for spectral CT: each slice is scanned twice, with ordinary CT and at one energy.

Images of gemstone spectral imaging (GSI) are not freely available, so the simulator creates surrogates.
In a surrogate, metal attenuates as at 110 keV, an energy at which enough photons pass through it.
Tissue keeps the grey values of ordinary CT, so that the corrected region of a slice matches the
unchanged region.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import BadInput
from marview.learning.augment import augment
from marview.learning.bank import Bank
from marview.learning.metal import Shares, draw_implant, draw_pieces
from marview.learning.phantoms import draw_region
from marview.learning.recipe import Augmentation, Data
from marview.physics import Material, Simulation, Stages, material, protocol, simulate
from marview.physics.attenuation import mu_to_hu

from .implants import KINDS, NONE, guess_kind

SPECTRAL_KEV = 110.0
_MORE_PHOTONS = 4.0
_TRIES = 20
_ALIKE = 0.97
"""Smallest correlation of two neighbouring slices of a scan; slices of different scans, or far apart, have less."""

_VOLUMES = 0.3
"""Fraction of scenes with neighbours, whose simulation takes three times as long."""

_PIXEL_MM = (0.7, 1.0)
"""Smallest and largest pixel size, in mm, at which implants are drawn in their true size."""

_PAINTED = {
    "pelvis": ("hip-left", "hip-right", "hip-bilateral", "plate"),
    "spine": ("pedicle-screws",),
}
_REAL = ("pedicle-screws", "hip-left", "hip-right", "plate", "port", "pacemaker", "sternal-wires", "clips")
"""Implants for painted bodies, by region, and for real slices."""

_KINDS = {"hip": "hip_prosthesis", "plate": "fracture_fixation", "pedicle": "spinal_fixation"}
"""Implant type by the first part of the implant's name."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Neighbouring slices, their metal and their scan settings.

    Attributes:
        hu: slices without metal, HU, float32 `[neighbour, y, x]`; a single slice if there are no
            neighbours.
        metal: metal fraction of each pixel, 0 to 1, `[y, x]`, for each material; the same in all slices.
        kind: implant type, an index into `implants.KINDS`.
        protocol: name of the protocol.
        photons: factor applied to the protocol's number of photons.
        kernel: reconstruction filter.
        seed: random seed for the noise.
    """

    hu: NDArray[np.float32]
    metal: Shares
    kind: int
    protocol: str
    photons: float
    kernel: str
    seed: int


@dataclass(frozen=True, eq=False)
class Scanned:
    """Images of a scene from its ordinary and spectral scans.

    Attributes:
        ordinary_hu: slices with metal in ordinary CT, HU `[neighbour, y, x]`.
        clean_hu: slices without metal in ordinary CT, HU `[neighbour, y, x]`.
        gsi_hu: middle slice in spectral CT, HU `[y, x]`.
        mask: metal mask, bool `[y, x]`.
        kind: implant type, an index into `implants.KINDS`.
    """

    ordinary_hu: Tensor
    clean_hu: Tensor
    gsi_hu: Tensor
    mask: Tensor
    kind: int


def draw_scene(bank: Bank, how: Data, seed: tuple[int, ...], slices: int, *, is_varied: bool = True) -> Scene:
    """Draw a random scene; the same seed gives the same scene.

    Args:
        bank: slices without metal.
        how: settings of the random scenes.
        seed: random seed, for example the run's seed and the scene's number.
        slices: odd number of neighbouring slices.
        is_varied: whether real slices are shifted, scaled and warped, and a fraction of the slices is
            replaced by phantoms.

    Raises:
        BadInput: twenty slices in a row have no suitable position for metal.
    """
    rng = np.random.default_rng(seed)
    name = str(rng.choice(how.protocols))
    shape = protocol(name).shape
    for _ in range(_TRIES):
        region = str(rng.choice(list(_PAINTED))) if is_varied and rng.random() < how.phantoms else ""
        wanted = slices if rng.random() < _VOLUMES else 1
        chosen = draw_region(region, rng)[None] if region else volume_around(bank, int(rng.integers(len(bank))), wanted)
        change = how.augmentation if is_varied else Augmentation.nothing()
        same = int(rng.integers(2**31))
        hu = np.stack([augment(each, shape, change, np.random.default_rng(same)) for each in chosen])
        middle, pixel_mm = hu[len(hu) // 2], float(rng.uniform(*_PIXEL_MM)) * 416 / max(shape)
        try:
            metal, kind = _metal(middle, _PAINTED.get(region, _REAL), pixel_mm, how, rng)
        except BadInput:
            continue
        photons = float(np.exp(rng.uniform(*np.log(how.photons))))
        return Scene(hu, metal, kind, name, photons, str(rng.choice(how.kernels)), int(rng.integers(2**31)))
    raise BadInput(f"{_TRIES} slices in a row have no place for metal. Are these CT slices of a body, in HU?")


def _metal(
    hu: NDArray[np.float32], implants: tuple[str, ...], pixel_mm: float, how: Data, rng: np.random.Generator
) -> tuple[Shares, int]:
    if rng.random() < how.metal.implants:
        name = str(rng.choice(implants))
        shares = draw_implant(hu, name, str(rng.choice(how.metal.materials)), pixel_mm, rng)
        if shares:
            known = _KINDS.get(name.partition("-")[0])
            return shares, NONE if known is None else KINDS.index(known)
    shares = draw_pieces(hu, how.metal, rng)
    mask = np.sum(list(shares.values()), axis=0) > 0
    return shares, guess_kind(hu, mask, pixel_mm)


def volume_around(bank: Bank, index: int, slices: int) -> NDArray[np.float32]:
    """Return a slice of a bank with its neighbours, HU `[neighbour, y, x]`.

    If any neighbour is unavailable, only the slice itself is returned.

    Args:
        bank: slices without metal.
        index: index of the slice.
        slices: odd number of slices, including the neighbours.
    """
    middle = bank.slices[index].astype(np.float32)
    found = []
    for near in range(index - slices // 2, index + slices // 2 + 1):
        if not 0 <= near < len(bank) or not _is_beside(bank.names[near], bank.names[index], near - index):
            return middle[None]
        each = bank.slices[near].astype(np.float32)
        if each.shape != middle.shape or np.corrcoef(each[::4, ::4].ravel(), middle[::4, ::4].ravel())[0, 1] < _ALIKE:
            return middle[None]
        found.append(each)
    return np.stack(found)


def _is_beside(name: str, other: str, distance: int) -> bool:
    """Return whether two names in a bank are pages of the same stack at this distance."""
    (stem, _, page), (other_stem, _, other_page) = name.rpartition("_"), other.rpartition("_")
    return stem == other_stem and int(page) - int(other_page) == distance


@torch.no_grad()
def both_scans(scene: Scene, device: torch.device) -> tuple[Simulation, Simulation]:
    """Simulate an ordinary CT scan of a scene and a monoenergetic CT scan of its middle slice.

    Args:
        scene: scene to scan.
        device: device for the simulations.
    """
    usual = protocol(scene.protocol)
    usual = replace(usual, photons=usual.photons * scene.photons)
    hu = torch.from_numpy(scene.hu).to(device)
    metal = {name: torch.from_numpy(share).to(device).clamp(max=1) for name, share in scene.metal.items()}
    everywhere: dict[str | Material, Tensor] = {name: share.expand(len(hu), -1, -1) for name, share in metal.items()}
    ordinary = simulate(hu, everywhere, usual, seed=scene.seed)
    middle = len(hu) // 2
    spectral = simulate(
        hu[middle : middle + 1],
        {at_spectral_energy(material(name)): share[None] for name, share in metal.items()},
        replace(usual, photons=usual.photons * _MORE_PHOTONS),
        stages=Stages(hardening=False, edges=False, scatter=False),
        seed=scene.seed + 1,
    )
    return ordinary, spectral


@torch.no_grad()
def scan(scene: Scene, device: torch.device, slices: int) -> Scanned:
    """Simulate the ordinary and spectral scans of a scene, and reconstruct their images.

    Args:
        scene: scene to scan.
        device: device for the simulation and the result.
        slices: number of slices in the result.
    """
    scans = both_scans(scene, device)
    seen, kept = (mu_to_hu(each.projector.fbp(each.sinogram, filter=scene.kernel)) for each in scans)
    hu = torch.from_numpy(scene.hu).to(device)
    count = slices if len(hu) == 1 else 1
    return Scanned(
        ordinary_hu=seen.repeat(count, 1, 1),
        clean_hu=hu.repeat(count, 1, 1),
        gsi_hu=kept[0],
        mask=scans[0].metal[len(hu) // 2],
        kind=scene.kind,
    )


def at_spectral_energy(metal: Material) -> Material:
    """Return a material that attenuates at the reference energy as this metal does at 110 keV.

    Both attenuations are relative to water.
    """
    water = material("water")
    share = float(metal.relative(SPECTRAL_KEV) / water.relative(SPECTRAL_KEV))
    return replace(metal, density_g_cm3=metal.density_g_cm3 * share)
