"""Slices with metal on a clipped HU scale, from which `benchmarks.clipped_edges` trains the edge network.

The scenes are those of clinical sinogram completion, with more kinds of scanners, clipped at 3071 HU. Painted light
discs without streaks are added, because the network must also keep small titanium.
"""

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from marview.learning.bank import Bank
from marview.learning.metal import Shares
from marview.physics import simulate
from marview.physics.attenuation import mu_to_hu
from marview.physics.simulation import Stages
from marview.physics.starvation import smooth_starved
from marview.volume.clipped_edge import with_edges_of_rules
from marview.volume.edge_network import planes_of
from marview.volume.scale import TWELVE_BIT_HU
from marview.volume.segment import adaptive
from marview.worker.loading import made_in

SLICE_MM, CROP_PX, SEED = 2.5, 96, 0
"""Distance between slices, size of a crop, and the seed of all scenes."""

_HERE = Path(__file__).resolve().parents[1]
_LOWEST_HU = -1024
_KINDS: tuple[dict[str, Any], ...] = (
    {"heads": 0.15},
    {"heads": 0.25, "head_pixel_mm": (0.4, 0.9), "body_pixel_mm": (0.5, 1.15)},
    {"heads": 0.3, "head_pixel_mm": (0.4, 0.9), "body_pixel_mm": (0.5, 1.15), "bins_px": (0.4, 0.9)},
    {"heads": 0.8, "head_pixel_mm": (0.5, 0.9), "body_pixel_mm": (0.5, 1.15), "bins_px": (0.4, 0.9)},
)
"""Kinds of scanners, as `Ranges` of clinical scenes."""

FIRST_HIPS = 320
"""Number of the first scene with hips."""

_HIPS, _HIP_PIXELS_MM = ("hip-left", "hip-right", "hip-bilateral", "hip-bilateral"), ((0.78, 1.0), (0.5, 1.15))
"""Implants of the scenes with hips, and ranges of their pixel sizes."""

_METALS = ("ti", "ti", "ti6al4v", "cocrmo", "316l", "ag", "amalgam", "au")
"""Metals for implants that do not have their usual metals."""

_HIP_METALS = ("ti", "ti", "ti6al4v", "cocrmo", "316l")

_DISCS, _RADIUS_PX, _DISC_HU, _BLUR_PX = 0.2, (2.0, 9.0), (3500.0, 12000.0), (0.6, 1.5)
_NEAR_PX, _AWAY_PX, _METAL_WEIGHT = 3, 25, 1.3
"""Width of the edge that counts in the loss, largest distance of a crop from metal, and weight of metal pixels: a mask
that is too small does more harm than one that is too large."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Example:
    """A slice with metal.

    Attributes:
        image: HU, clipped, `[y, x]`.
        found: metal including its blurred edge, found by thresholds, `[y, x]`.
        by_rules: metal that the rules leave, `[y, x]`.
        metal: true metal, `[y, x]`.
        pixel_mm: pixel size in mm.
    """

    image: NDArray[np.int16]
    found: Mask
    by_rules: Mask
    metal: Mask
    pixel_mm: float


def examples(bank: Bank, number: int) -> list[Example]:
    """Simulate the slices of the scene `number`.

    In every second of the first 320 scenes, all metal of a slice is one metal drawn at random, and the sharpest
    filter is used. The other scenes show hip replacements. In every fourth of them, metals are drawn at random
    for the head and for the rest.
    """
    training = made_in(_HERE / "plugins" / "clinical_completion", "training:PriorTraining")
    scenes = importlib.import_module(f"{type(training).__module__.rpartition('.')[0]}.scenes")
    scene = scenes.draw_clinical(bank, (SEED, number), ranges=_ranges(scenes, number))
    rng = np.random.default_rng((SEED, number, 1))
    if number >= FIRST_HIPS and number % 4 == 3:
        scene = replace(scene, metal=_other_parts(scene.metal, rng))
    elif number < FIRST_HIPS and number % 2:
        scene = replace(scene, metal=_other_metals(scene.metal, rng), kernel="ram-lak")
    metal = {name: torch.from_numpy(share) for name, share in scene.metal.items()}
    simulation = simulate(
        torch.from_numpy(scene.hu), metal, scene.protocol, stages=Stages(edges=scene.has_edges), seed=scene.seed
    )
    measured = smooth_starved(simulation.sinogram) if scene.is_smoothed else simulation.sinogram
    scanned = mu_to_hu(simulation.projector.fbp(measured, filter=scene.kernel)).round()
    hu = scanned.clamp(_LOWEST_HU, TWELVE_BIT_HU).numpy().astype(np.int16)
    true = np.sum(list(scene.metal.values()), axis=0) >= 0.5
    return [_example(image, each, scene.protocol.pixel_mm) for image, each in zip(hu, true, strict=True)]


def crop(example: Example, rng: np.random.Generator) -> Tensor:
    """Return a random crop near metal, mirrored and turned at random.

    Returns:
        float32, `[plane, y, x]`: the planes of the network, the true metal, and the weight of each pixel.
    """
    places = np.argwhere(example.found)
    middle = places[int(rng.integers(len(places)))] + rng.integers(-_AWAY_PX, _AWAY_PX + 1, 2)
    if rng.random() < _DISCS:
        example = painted_disc(rng)
        middle = np.full(2, CROP_PX // 2)
    y, x = np.clip(middle - CROP_PX // 2, 0, np.array(example.image.shape) - CROP_PX)
    part = np.s_[y : y + CROP_PX, x : x + CROP_PX]
    found, metal = example.found[part], example.metal[part]
    weight = ndimage.binary_dilation(found | metal, iterations=_NEAR_PX) * np.where(metal, _METAL_WEIGHT, 1)
    planes = planes_of(example.image[part], found, example.by_rules[part])
    planes = np.concatenate([planes, np.stack([metal, weight])]).astype(np.float32)
    turned = torch.rot90(torch.from_numpy(planes), int(rng.integers(4)), (1, 2))
    return turned.flip(2) if rng.random() < 0.5 else turned


def painted_disc(rng: np.random.Generator) -> Example:
    """Paint a blurred disc of light metal without streaks, as large as a crop."""
    radius, peak_hu, blur_px = (float(rng.uniform(*each)) for each in (_RADIUS_PX, _DISC_HU, _BLUR_PX))
    y, x = np.ogrid[:CROP_PX, :CROP_PX]
    middle_y, middle_x = rng.uniform(0.3, 0.7, 2) * CROP_PX
    metal = np.hypot(y - middle_y, x - middle_x) <= radius
    blurred = ndimage.gaussian_filter(np.where(metal, peak_hu, rng.uniform(-100, 1500)), blur_px)
    noisy = blurred + ndimage.gaussian_filter(rng.normal(0, rng.uniform(5, 80), metal.shape), 0.6)
    image = noisy.round().clip(_LOWEST_HU, TWELVE_BIT_HU).astype(np.int16)
    return _example(image, metal, float(rng.uniform(0.4, 1.15)), found=image > rng.uniform(1600, 2600))


def _example(image: NDArray[np.int16], metal: Mask, pixel_mm: float, found: Mask | None = None) -> Example:
    if found is None:
        found = adaptive(image[None], (SLICE_MM, pixel_mm, pixel_mm), replace_edges=False).mask[0]
    by_rules = with_edges_of_rules(found, image, (pixel_mm, pixel_mm), TWELVE_BIT_HU)
    return Example(image, found, by_rules, metal, pixel_mm)


def _ranges(scenes: ModuleType, number: int) -> Any:
    if number < FIRST_HIPS:
        return scenes.Ranges(**_KINDS[number // 2 % len(_KINDS)])
    pixels_mm = _HIP_PIXELS_MM[number // 2 % len(_HIP_PIXELS_MM)]
    hips = scenes.Family("pelvis", _HIPS, ("",))
    return scenes.Ranges(heads=0.0, body_pixel_mm=pixels_mm, body_families=((1.0, hips),))


def _other_metals(metal: Shares, rng: np.random.Generator) -> Shares:
    """Give all metal of a slice one metal drawn at random, so that a shape does not reveal its metal."""
    share = np.minimum(np.sum(list(metal.values()), axis=0), 1)
    changed: Shares = {}
    for number, one in enumerate(share):
        changed.setdefault(str(rng.choice(_METALS)), np.zeros_like(share))[number] = one
    return changed


def _other_parts(metal: Shares, rng: np.random.Generator) -> Shares:
    """Give the metal of each material in a slice another metal drawn at random."""
    changed: Shares = {}
    for share in metal.values():
        for number, one in enumerate(share):
            name = str(rng.choice(_HIP_METALS))
            changed.setdefault(name, np.zeros_like(share))[number] += one
    return {name: np.minimum(share, 1) for name, share in changed.items()}
