"""Measure the Dice score of the adaptive mask and of a 2000 HU threshold against true metal, and false alarms.

    python -m benchmarks.segmentation            # prints the tables of docs/results/metal-masks.md
    python -m benchmarks.segmentation --quick    # one slice per case

Slices of a hip, a spine and a jaw with implants are painted, and scanned by marview's simulator with noise, in the two
protocols of true body size. Each image is segmented twice: with its full HU scale, and clipped at 3071 HU as in 12
bits.
"""

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.metrics.overlap import dice
from marview.physics import Protocol, protocol, simulate
from marview.physics.attenuation import mu_to_hu
from marview.volume.scale import TWELVE_BIT_HU
from marview.volume.segment import adaptive, threshold

PROTOCOLS = ("dudonet-640", "aapm-1000")
FIXED_HU = 2000
SLICE_MM = 3.0
_FINE = 4
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

Region = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Drawing:
    """A slice described by shapes in mm from the centre: layers of tissue with their HU, and metal."""

    tissue: tuple[tuple[float, Region], ...]
    metal: tuple[Region, ...]


@dataclass(frozen=True)
class Score:
    """Dice coefficients of a slice."""

    protocol: str
    kind: str
    material: str
    adaptive: float
    fixed: float
    clipped: float
    clipped_fixed: float


def ellipse(y_mm: float, x_mm: float, half_height_mm: float, half_width_mm: float) -> Region:
    """Return an upright ellipse."""
    return lambda y, x: ((y - y_mm) / half_height_mm) ** 2 + ((x - x_mm) / half_width_mm) ** 2 <= 1


def rod(start: tuple[float, float], end: tuple[float, float], radius_mm: float) -> Region:
    """Return a rod seen from the side, with round ends (y, x)."""

    def holds(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
        dy, dx = end[0] - start[0], end[1] - start[1]
        share = np.clip(((y - start[0]) * dy + (x - start[1]) * dx) / (dy * dy + dx * dx), 0, 1)
        return np.asarray(np.hypot(y - start[0] - share * dy, x - start[1] - share * dx) <= radius_mm)

    return holds


def hip(variant: int) -> Drawing:
    """Return two femurs in a pelvis, with a prosthesis head, a stem, or heads on both sides."""
    tissue = [(-100.0, ellipse(0, 0, 115, 175)), (50.0, ellipse(5, 0, 95, 155))]
    for side in (-90, 90):
        tissue += [(900.0, ellipse(5, side, 32, 30)), (250.0, ellipse(5, side, 28, 26))]
    tissue += [(900.0, ellipse(60, 0, 20, 40)), (250.0, ellipse(60, 0, 16, 35))]
    metal = ([ellipse(5, -90, 14, 14)], [ellipse(5, -90, 12, 8)], [ellipse(5, side, 14, 14) for side in (-90, 90)])
    return Drawing(tuple(tissue), tuple(metal[variant % 3]))


def spine(variant: int) -> Drawing:
    """Return a vertebra with two pedicle screws, thick or thin, or with the rods between screws."""
    tissue = [
        (-100.0, ellipse(0, 0, 110, 160)),
        (50.0, ellipse(0, 0, 95, 145)),
        (800.0, ellipse(20, 0, 22, 28)),
        (200.0, ellipse(20, 0, 19, 25)),
        (800.0, ellipse(58, 0, 14, 16)),
        (30.0, ellipse(56, 0, 9, 10)),
        (500.0, ellipse(48, -20, 14, 8)),
        (500.0, ellipse(48, 20, 14, 8)),
    ]
    metal: list[Region] = []
    for side in (-1, 1):
        if variant % 3 == 2:
            metal.append(ellipse(74, 28 * side, 2.75, 2.75))
        else:
            radius_mm = (3.25, 2.75)[variant % 3]
            metal += [rod((72, 27 * side), (18, 12 * side), radius_mm), ellipse(74, 28 * side, 6, 6)]
    return Drawing(tuple(tissue), tuple(metal))


def jaw(variant: int) -> Drawing:
    """Return a dental arch with enamel of 2400 HU and one to three fillings."""
    tissue = [(-50.0, ellipse(10, 0, 95, 75)), (50.0, ellipse(10, 0, 90, 70)), (-1000.0, ellipse(10, 0, 14, 14))]
    tissue += [(700.0, ellipse(60, 0, 16, 18)), (250.0, ellipse(60, 0, 12, 14))]
    angles = np.linspace(-1, 1, 12) * math.radians(88)
    teeth = [(-15 - 53 * math.cos(angle), 41 * math.sin(angle)) for angle in angles]
    tissue += [(900.0, ellipse(y, x, 8, 8)) for y, x in teeth]
    tissue += [
        part for y, x in teeth for part in ((2400.0, ellipse(y, x, 4.7, 4.7)), (1600.0, ellipse(y, x, 3.4, 3.4)))
    ]
    sizes = ((2.6, 3.0), (3.4, 2.4), (2.0, 2.0))
    filled = ((1,), (1, 10), (0, 2, 9))[variant % 3]
    return Drawing(tuple(tissue), tuple(ellipse(*teeth[i], *size) for i, size in zip(filled, sizes, strict=False)))


KINDS: dict[str, tuple[Callable[[int], Drawing], tuple[str, ...]]] = {
    "hip": (hip, ("ti", "ti6al4v", "fe", "316l", "cocrmo", "ta")),
    "spine": (spine, ("ti", "ti6al4v", "fe", "316l", "cocrmo", "ta")),
    "dental": (jaw, ("amalgam", "au", "ag", "cocrmo", "ti")),
}


def paint(drawing: Drawing, scan: Protocol, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return HU with texture, and the metal fraction of each pixel, both `[1, y, x]` on the scan's grid."""
    rows, columns = scan.shape
    at = [((np.arange(n * _FINE) + 0.5) / _FINE - n / 2) * scan.pixel_mm for n in (rows, columns)]
    y, x = at[0][:, None], at[1][None]
    fine = np.full((rows * _FINE, columns * _FINE), -1000.0, np.float32)
    for hu, region in drawing.tissue:
        fine[region(y, x)] = hu
    metal = np.zeros(fine.shape, np.float32)
    for region in drawing.metal:
        metal[region(y, x)] = 1
    hu, share = (part.reshape(rows, _FINE, columns, _FINE).mean(axis=(1, 3)) for part in (fine, metal))
    noise = np.random.default_rng(seed).normal(size=hu.shape)
    texture = np.where(hu > 150, 60, np.where(hu > -500, 12, 0)) * noise
    return (hu + texture).astype(np.float32)[None], share[None]


def scores(*, protocols: tuple[str, ...] = PROTOCOLS, variants: int = 3) -> Iterator[Score]:
    """Scan and segment all cases."""
    for name in protocols:
        scan = protocol(name)
        for kind, (draw, materials) in KINDS.items():
            for material in materials:
                for variant in range(variants):
                    tissue, share = paint(draw(variant), scan, seed=variant)
                    image = mu_to_hu(simulate(tissue, {material: share}, scan, seed=variant).image).numpy()
                    hu = np.clip(np.rint(image), -1024, 32767).astype(np.int16)
                    clipped = np.minimum(hu, TWELVE_BIT_HU).astype(np.int16)
                    spacing = (SLICE_MM, scan.pixel_mm, scan.pixel_mm)
                    masks = [
                        find
                        for part in (hu, clipped)
                        for find in (adaptive(part, spacing).mask, threshold(part, FIXED_HU))
                    ]
                    yield Score(name, kind, material, *(dice(mask, share >= 0.5) for mask in masks))


def false_alarms(file: Path) -> tuple[int, int, int, int]:
    """Count slices without metal: all, those with marked metal, with a question, and with values above 2000 HU."""
    import tifffile

    slices = (2 * tifffile.imread(file).astype(np.int32) - 1024).astype(np.int16)
    found = [adaptive(image[None], (SLICE_MM, 0.8, 0.8)) for image in slices]
    marked = sum(bool(each.mask.any()) for each in found)
    asked = sum(each.doubtful is not None for each in found)
    return len(slices), marked, asked, sum(bool((image > FIXED_HU).any()) for image in slices)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one slice per case")
    quick = parser.parse_args().quick
    print("| protocol | case | material | adaptive (worst) | 2000 HU (worst) | clipped: adaptive | clipped: 2000 HU |")
    print("|---|---|---|---|---|---|---|")
    cases = scores(variants=1 if quick else 3)
    for key, group in itertools.groupby(cases, lambda score: (score.protocol, score.kind, score.material)):
        rows = list(group)
        columns = []
        for name in ("adaptive", "fixed", "clipped", "clipped_fixed"):
            values = [getattr(row, name) for row in rows]
            columns.append(f"{np.mean(values):.3f} ({min(values):.3f})")
        print("| " + " | ".join((*key, *columns)) + " |", flush=True)
    if _SHARED.is_dir():
        print("\n| slices without metal | adaptive marks metal in | asks about | 2000 HU is exceeded in |")
        print("|---|---|---|---|")
        for file in sorted((_SHARED / "metal_free").glob("*.tif")):
            count, marked, asked, passed = false_alarms(file)
            print(f"| {file.name}: {count} | {marked} | {asked} | {passed} |")


if __name__ == "__main__":
    main()
