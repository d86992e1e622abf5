"""Draw random scenes from a seed: slices with random variations, metal, and a scan protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.learning.augment import augment, resized
from marview.learning.bank import Bank
from marview.learning.lesions import with_lesions
from marview.learning.metal import Shares, draw_metal
from marview.learning.phantoms import draw_phantom
from marview.learning.recipe import Data
from marview.physics import protocol

_TRIES = 20
_SCALE_ENDS_HU = (3071.0, 10_000.0)
"""Highest HU of 12-bit scanners, and of the extended HU scale in the clinical front end."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Slices with metal, and the settings of their simulated scan.

    Attributes:
        hu: float32 HU `[slice, y, x]` without metal, on the protocol's grid.
        metal: metal fraction of each pixel, 0 to 1, `[slice, y, x]`, by material.
        protocol: name of the protocol.
        photons: factor applied to the protocol's number of photons.
        kernel: reconstruction filter of the re-projected clinical image; empty if the sinogram is measured.
        scale_end_hu: highest HU of the clinical image.
        seed: seed of the noise.
    """

    hu: NDArray[np.float32]
    metal: Mapping[str, NDArray[np.float32]]
    protocol: str
    photons: float
    kernel: str
    scale_end_hu: float
    seed: int


def draw_scene(bank: Bank, how: Data, seed: tuple[int, ...]) -> Scene:
    """Draw a random scene; the same seed gives the same scene.

    Args:
        bank: slices without metal.
        how: settings of the random scenes.
        seed: integers that form the seed, for instance the run's seed, the process number and the batch
            number.

    Raises:
        BadInput: twenty slices drawn in a row contain no tissue in which metal can be placed.
    """
    rng = np.random.default_rng(seed)
    name = str(rng.choice(how.protocols))
    shape = protocol(name).shape
    kernel = str(rng.choice(how.kernels)) if rng.random() < how.reprojected else ""
    photons, end = float(np.exp(rng.uniform(*np.log(how.photons)))), float(rng.choice(_SCALE_ENDS_HU))
    noise = int(rng.integers(2**31))
    drawn = [_slice(bank, how, shape, rng) for _ in range(how.batch)]
    return _scene(drawn, name, photons=photons, kernel=kernel, scale_end_hu=end, seed=noise)


def plain_scene(bank: Bank, how: Data, seed: tuple[int, ...], number: int) -> Scene:
    """Draw the validation scene with this number.

    Slices are taken in order without random variation, and the protocols alternate from batch to batch.

    Args:
        bank: held-out slices.
        how: training settings; the settings of random variation, phantoms and photons are ignored.
        seed: seed of metal and noise.
        number: number of the batch.
    """
    rng = np.random.default_rng((*seed, number))
    name = how.protocols[number % len(how.protocols)]
    shape = protocol(name).shape
    kernel = (
        how.kernels[number % len(how.kernels)] if (number + 0.5) * how.reprojected % 1 > 1 - how.reprojected else ""
    )
    step = max(1, len(bank) // max(1, how.batch * 4))
    drawn = []
    for k in range(how.batch):
        for further in range(_TRIES):
            hu = resized(_read(bank, ((number * how.batch + k) * step + further) % len(bank)), shape)
            try:
                drawn.append((hu, draw_metal(hu, how.metal, rng)))
                break
            except BadInput:
                continue
        else:
            raise BadInput(_NO_PLACE)
    return _scene(
        drawn, name, photons=1.0, kernel=kernel, scale_end_hu=_SCALE_ENDS_HU[0], seed=int(rng.integers(2**31))
    )


def draw_clean(bank: Bank, how: Data, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a randomly varied slice without simulated metal, HU `[y, x]`.

    Args:
        bank: slices, with or without metal.
        how: settings of the random scenes; phantoms are not used.
        shape: number of rows and columns of the slice.
        rng: random generator.
    """
    return augment(_read(bank, int(rng.integers(len(bank)))), shape, how.augmentation, rng)


_NO_PLACE = f"{_TRIES} slices in a row contain no tissue for metal. Are these CT slices of a body, in HU?"


def _slice(
    bank: Bank, how: Data, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float32], Shares]:
    for _ in range(_TRIES):
        hu = draw_phantom(rng) if rng.random() < how.phantoms else _read(bank, int(rng.integers(len(bank))))
        varied = augment(hu, shape, how.augmentation, rng)
        try:
            metal = draw_metal(varied, how.metal, rng)
        except BadInput:
            continue
        has_lesions = how.lesions > 0 and rng.random() < how.lesions
        return with_lesions(varied, metal, rng) if has_lesions else varied, metal
    raise BadInput(_NO_PLACE)


def _read(bank: Bank, index: int) -> NDArray[np.float32]:
    return bank.slices[index].astype(np.float32)


def _scene(
    drawn: list[tuple[NDArray[np.float32], Shares]],
    name: str,
    *,
    photons: float,
    kernel: str,
    scale_end_hu: float,
    seed: int,
) -> Scene:
    hu = np.stack([each for each, _ in drawn])
    metal: dict[str, NDArray[np.float32]] = {}
    for k, (_, shares) in enumerate(drawn):
        for material, share in shares.items():
            metal.setdefault(material, np.zeros_like(hu))[k] = np.minimum(share, 1)
    return Scene(hu, metal, name, photons, kernel, scale_end_hu, seed)
