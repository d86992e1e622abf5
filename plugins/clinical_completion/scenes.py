"""Draw random clinical scenes: a scanner, dense metal, and slices of realistically sized bodies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import FanBeamArc
from marview.learning.augment import augment
from marview.learning.bank import Bank
from marview.learning.metal import Shares, draw_implant, draw_pieces
from marview.learning.phantoms import draw_region
from marview.learning.recipe import Augmentation, Metal
from marview.physics.protocols import Protocol
from marview.physics.scanner import Scanner

from .bright import add_bright

SLICES = 8
"""Number of slices in a scene. They share a scanner, because projecting eight slices together takes little more time
than one."""

_TRIES = 40
_SHAPE = (SIZE, SIZE)

_PAINTED = 0.55
"""Fraction of slices with painted bodies, because hardly any real slice shows a pelvis, and none shows teeth."""

_PAINTED_JAWS = 0.9


@dataclass(frozen=True)
class Family:
    """Kind of implants and their metals; an empty name stands for the usual metals."""

    region: str
    implants: tuple[str, ...]
    materials: tuple[str, ...]


_HIPS = Family("pelvis", ("hip-left", "hip-right", "hip-bilateral", "hip-bilateral"), ("316l", "cocrmo", "ti6al4v", ""))
_SCREWS = Family("spine", ("pedicle-screws",), ("ti6al4v", "ti6al4v", "316l", "cocrmo"))
_PLATES = Family("pelvis", ("plate",), ("316l", "ti"))
_TEETH = Family("jaw", ("fillings", "fillings", "crown"), ("amalgam", "amalgam", "au", ""))

Families = tuple[tuple[float, Family | None], ...]
"""Fractions of families of implants; None stands for random shapes."""

_BODY_FAMILIES: Families = ((0.44, _HIPS), (0.37, _SCREWS), (0.05, _PLATES), (0.14, None))
_HEAD_FAMILIES: Families = ((0.9, _TEETH), (0.1, None))

_PIECES = Metal(materials=("ti", "316l", "cocrmo", "amalgam", "au"), area_px=(30.0, 2500.0), pieces=(1, 4))
_VARIED = Augmentation(rotation_deg=10.0, scale=(0.85, 1.1), crop=0.0, shift_px=10.0, noise_hu=4.0)
_STILL = Augmentation(flip=0, rotation_deg=0, scale=(1, 1), shift_px=0, warp_px=0, crop=0, noise_hu=0, blur_px=0)
_KERNELS = ("ram-lak", "shepp-logan", "shepp-logan", "cosine", "hann")
_TWELVE_BITS = (-1024.0, 3071.0)
_WHOLE_SCALE = (-32768.0, 32767.0)
_TWELVE_BIT_SHARE = 0.4
_MASKS = ("true", "grown", "threshold", "automatic", "automatic")
_BODIES = 24
_BRIGHT_SHARE = 0.3

_FINENESS = (1, 1, 2)
_BLUR_BINS = (0.0, 0.0, 0.4, 0.8)
_FILTRATION_MM = (0.0, 0.0, 0.1, 0.3)
"""Properties of scanners, chosen independently of each other (`marview.physics.scanner.Scanner`)."""


@dataclass(frozen=True)
class Ranges:
    """Ranges from which the scanner and the implants of a scene are drawn at random.

    Attributes:
        heads: fraction of head scenes, which have smaller pixels.
        head_pixel_mm: smallest and largest pixel size in head scenes.
        body_pixel_mm: smallest and largest pixel size in scenes of other regions.
        bins_px: smallest and largest width of detector bins at the isocentre, in pixels.
        body_families: families of implants in scenes of other regions than the head, and their fractions.
    """

    heads: float = 0.3
    head_pixel_mm: tuple[float, float] = (0.5, 0.64)
    body_pixel_mm: tuple[float, float] = (0.78, 1.0)
    bins_px: tuple[float, float] = (0.75, 1.1)
    body_families: Families = _BODY_FAMILIES


USUAL = Ranges()


@dataclass(frozen=True, eq=False)
class ClinicalScene:
    """Clinical scene: slices, metal, and the scanner with its settings.

    Attributes:
        hu: slices without metal, HU, float32, `[slice, y, x]`.
        metal: metal fraction of each pixel by material, 0 to 1, `[slice, y, x]`.
        protocol: protocol of the scan; its beam differs from the front end's beam.
        scanner: properties of the scanner.
        has_edges: whether rays at the edge of the metal trace pass only partly through metal.
        is_smoothed: whether the scanner smooths photon-starved rays.
        kernel: reconstruction filter.
        scales_hu: lowest and highest HU that can be stored in the file of each slice.
        masks: how the metal mask of each slice is created: "true", "grown", "threshold" or
            "automatic".
        seed: random seed for noise and masks.
    """

    hu: NDArray[np.float32]
    metal: Shares
    protocol: Protocol
    scanner: Scanner
    has_edges: bool
    is_smoothed: bool
    kernel: str
    scales_hu: tuple[tuple[float, float], ...]
    masks: tuple[str, ...]
    seed: int


def draw_clinical(
    bank: Bank, seed: tuple[int, ...], *, slices: int = SLICES, is_varied: bool = True, ranges: Ranges = USUAL
) -> ClinicalScene:
    """Draw a random scene; the same seed gives the same scene.

    Args:
        bank: slices without metal.
        seed: random seed, which combines the seed of the run and the number of the scene.
        slices: number of slices.
        is_varied: whether real slices are shifted, scaled and warped.
        ranges: ranges from which the scanner and the implants are drawn.

    Raises:
        BadInput: forty slices in a row have no suitable position for metal.
    """
    rng = np.random.default_rng(seed)
    is_head = bool(rng.random() < ranges.heads)
    pixel_mm = float(rng.uniform(*(ranges.head_pixel_mm if is_head else ranges.body_pixel_mm)))
    families = _HEAD_FAMILIES if is_head else ranges.body_families
    drawn = [_slice(bank, rng, pixel_mm, families, is_head=is_head, is_varied=is_varied) for _ in range(slices)]
    hu = np.stack([each for each, _ in drawn])
    metal: Shares = {}
    for k, (_, shares) in enumerate(drawn):
        for name, share in shares.items():
            metal.setdefault(name, np.zeros_like(hu))[k] = np.minimum(share, 1)
    return ClinicalScene(
        hu=hu,
        metal=metal,
        protocol=_protocol(pixel_mm, ranges.bins_px, rng),
        scanner=Scanner(
            fineness=int(rng.choice(_FINENESS)),
            blur_bins=float(rng.choice(_BLUR_BINS)),
            filtration_mm=float(rng.choice(_FILTRATION_MM)),
        ),
        has_edges=bool(rng.random() < 0.5),
        is_smoothed=bool(rng.random() < 0.6),
        kernel=str(rng.choice(_KERNELS)),
        scales_hu=tuple(_TWELVE_BITS if rng.random() < _TWELVE_BIT_SHARE else _WHOLE_SCALE for _ in range(slices)),
        masks=tuple(str(rng.choice(_MASKS)) for _ in range(slices)),
        seed=int(rng.integers(2**31)),
    )


def _slice(
    bank: Bank, rng: np.random.Generator, pixel_mm: float, families: Families, *, is_head: bool, is_varied: bool
) -> tuple[NDArray[np.float32], Shares]:
    """Draw a slice and its metal."""
    for _ in range(_TRIES):
        family = families[int(rng.choice(len(families), p=[share for share, _ in families]))][1]
        region = family.region if family else ("jaw" if is_head else str(rng.choice(["pelvis", "spine"])))
        is_painted = bool(rng.random() < (_PAINTED_JAWS if is_head else _PAINTED))
        painted = draw_region(region, rng, bodies=_BODIES) if is_painted else None
        hu = bank.slices[int(rng.integers(len(bank)))].astype(np.float32) if painted is None else painted
        hu = augment(hu, _SHAPE, _VARIED if is_varied or is_painted else _STILL, rng)
        try:
            metal = _metal(hu, family, pixel_mm, rng)
        except BadInput:
            continue
        if metal:
            return (add_bright(hu, metal, rng) if rng.random() < _BRIGHT_SHARE else hu), metal
    raise BadInput(f"{_TRIES} slices in a row have no place for metal; are these CT slices of a body, in HU?")


def _metal(hu: NDArray[np.float32], family: Family | None, pixel_mm: float, rng: np.random.Generator) -> Shares:
    if family is None:
        return draw_pieces(hu, _PIECES, rng)
    material = str(rng.choice(family.materials)) or None
    return draw_implant(hu, str(rng.choice(family.implants)), material, pixel_mm, rng)


def _protocol(pixel_mm: float, bins_px: tuple[float, float], rng: np.random.Generator) -> Protocol:
    """Draw a protocol whose fan covers the slice, with random views, bins, photons and scatter."""
    distance_mm = float(rng.uniform(520, 620))
    half_fan = np.arcsin(min(0.95, pixel_mm * SIZE * np.sqrt(0.5) / distance_mm))
    bin_rad = pixel_mm * rng.uniform(*bins_px) / distance_mm
    beam = FanBeamArc(
        views=int(rng.integers(420, 640)),
        bins=int(np.ceil(2 * half_fan / bin_rad)) + 1,
        source_to_isocentre_mm=distance_mm,
        bin_rad=float(bin_rad),
        bin_offset=float(rng.choice([0.0, 0.25, -1.25])),
        first_angle_rad=float(rng.uniform(0, 2 * np.pi)),
    )
    photons = float(np.exp(rng.uniform(*np.log((2e5, 2e7)))))
    return Protocol(
        name="clinical",
        beam=beam,
        shape=_SHAPE,
        pixel_mm=pixel_mm,
        photons=photons,
        scatter_photons=photons * float(np.exp(rng.uniform(*np.log((1e-6, 3e-4))))),
        source="drawn at random",
    )
