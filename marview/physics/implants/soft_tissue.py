"""Place implants in soft tissue: coils, clips, electrodes and random shapes."""

import numpy as np

from marview.physics.implants.blob import blob
from marview.physics.implants.part import Implant
from marview.physics.implants.site import Site
from marview.physics.implants.vessel import clip, coil, electrode
from marview.physics.shapes import Point

_SMALLEST_BLOB_MM, _LARGEST_BLOB_MM = 3.0, 38.0
_BLOB_MATERIALS = ("ti", "ti6al4v", "316l", "cocrmo", "amalgam")


def place_coils(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place coils in one to three aneurysms."""
    return tuple(
        coil(place, radius_mm=float(generator.uniform(2.5, 6.0)), seed=int(generator.integers(2**31)))
        for place in _soft(site, generator, int(generator.integers(1, 4)), 22.0)
    )


def place_clips(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place a group of three to eight clips."""
    centre = _soft(site, generator, 1, 25.0)[0]
    clips = []
    for _ in range(int(generator.integers(3, 9))):
        x, y, z = np.array(centre) + generator.uniform(-16, 16, 3)
        clips.append(clip((float(x), float(y), float(z)), turn_rad=float(generator.uniform(0, np.pi))))
    return tuple(clips)


def place_electrodes(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place two electrodes; each enters obliquely, from the front and the head end."""
    electrodes = []
    for tip in _soft(site, generator, 2, 30.0):
        side = 1.0 if tip[0] > site.middle_x_mm else -1.0
        way = np.array([0.3 * side, -0.5, 0.8])
        length = 60.0
        while length > 20.0 and not site.is_body(_on(tip, way, length)):
            length -= 4.0
        electrodes.append(electrode(tip, _on(tip, way, length)))
    return tuple(electrodes)


def place_blobs(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place one to three random shapes anywhere in the body; small shapes are more frequent than large ones."""
    blobs = []
    for place in _soft(site, generator, int(generator.integers(1, 4)), 12.0, is_anywhere=True):
        diameter = _SMALLEST_BLOB_MM * (_LARGEST_BLOB_MM / _SMALLEST_BLOB_MM) ** generator.uniform()
        blobs.append(
            blob(
                place,
                float(diameter),
                height_mm=float(max(diameter, 2 * site.spacing_mm[0])),
                seed=int(generator.integers(2**31)),
                material=str(generator.choice(_BLOB_MATERIALS)),
            )
        )
    return tuple(blobs)


def _soft(
    site: Site, generator: np.random.Generator, count: int, depth_mm: float, *, is_anywhere: bool = False
) -> list[Point]:
    """Find points in soft tissue at a depth below the skin, or as deep as the body allows."""
    tissue = site.body if is_anywhere else site.body & (site.coarse > -50) & (site.coarse < 130) & ~site.bone
    deepest = float(site.depth_in_body_mm.max())
    tissue = tissue & (site.depth_in_body_mm >= min(depth_mm, 0.6 * deepest))
    chance = generator.random(tissue.shape)
    places = []
    for _ in range(count):
        places.append(site.best(chance, tissue, "soft tissue"))
        chance = generator.random(tissue.shape)
    return places


def _on(start: Point, way: np.ndarray, length: float) -> Point:
    x, y, z = np.array(start) + way / np.linalg.norm(way) * length
    return float(x), float(y), float(z)
