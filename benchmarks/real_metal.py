"""Correct scans of real metal with each bundled method, and measure streaks, noise and edges.

    python -m benchmarks.real_metal ../shared/data/real_metal --output FIGURES

The scans have no truth. The streak index is the standard deviation of soft tissue in the 20-pixel ring around metal,
divided by the standard deviation of soft tissue more than 40 pixels away. The same pixels count as soft tissue in all
images; they are found in the smoothed mean of the uncorrected and the corrected images. Far from metal, noise and edges
should not change, so the table gives the standard deviation of distant soft tissue and the width of distant edges (10
to 90 %), both relative to the uncorrected slices.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from benchmarks.exit_code import exit_code
from marview.commands.metal import MaskChoice, find_metal
from marview.commands.series import SharedSeries, shared_series
from marview.evaluation.front_end_methods import FrontEndMethods
from marview.export import picture
from marview.metrics import far_from, streak_index

METHODS = {"linear_interpolation": "LI", "nmar": "NMAR", "nmar_frequency_split": "NMAR + frequency split"}
FEWEST_METAL_PX = 10
SMOOTH_MM = 4.0
SOFT_TISSUE_HU = (-50.0, 150.0)
WINDOW_HU = (400.0, 40.0)
DIFFERENCE_HU = (400.0, 0.0)

Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """Measures of one image of a series, averaged over the measured slices."""

    title: str
    streak_index: float
    distant_deviation: float
    distant_edge_px: float


def main() -> int:
    """Run the benchmark; return 0, or the exit code of the error that stops it."""
    return exit_code(lambda: _report(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder that contains sternal_wires and femoral_nail.nii.gz")
    parser.add_argument("--output", type=Path, required=True, help="folder for the figures")
    return parser.parse_args()


def _report(chosen: argparse.Namespace) -> None:
    """Print the table and draw the figure of each series."""
    for name in ("sternal_wires", "femoral_nail.nii.gz"):
        with shared_series(chosen.folder / name) as series:
            mask = find_metal(series.loaded, MaskChoice()).mask
            images = {"uncorrected": series.hu.array.astype(np.float32)} | _corrected(series, mask)
            spacing_mm = series.loaded.volume.grid.spacing_mm
            rows = _measure(images, mask, spacing_mm[1])
            slices = np.flatnonzero(mask.sum(axis=(1, 2)) >= FEWEST_METAL_PX)
            print(
                f"\n**{name.partition('.')[0]}**, {len(slices)} slices with at least {FEWEST_METAL_PX} metal pixels\n"
            )
            print("| image | streak index | distant noise, relative | distant edge width, relative |")
            print("|---|---|---|---|")
            for row in rows:
                noise = row.distant_deviation / rows[0].distant_deviation
                edge = row.distant_edge_px / rows[0].distant_edge_px
                print(f"| {row.title} | {row.streak_index:.2f} | {noise:.4f} | {edge:.4f} |")
            worst = max(slices.tolist(), key=lambda k: _index(images["uncorrected"], images, mask, k, spacing_mm[1]))
            number = series.loaded.volume.grid.slice_numbers.number(worst)
            _draw(images, worst, number, chosen.output / f"real_{name.partition('.')[0]}.png")


def _corrected(series: SharedSeries, mask: NDArray[np.bool_]) -> dict[str, Volume]:
    """Return the corrected volume of each method, float32 HU `[z, y, x]`, by title."""
    spacing_mm = series.loaded.volume.grid.spacing_mm
    with FrontEndMethods() as front_end:
        return {
            title: front_end.correct(front_end.entry(method), series.hu.array, mask, spacing_mm).hu
            for method, title in METHODS.items()
        }


def _soft_tissue(images: Mapping[str, Volume], mask: NDArray[np.bool_], k: int, pixel_mm: float) -> NDArray[np.bool_]:
    mean = np.mean([image[k] for image in images.values()], axis=0)
    smooth = ndimage.gaussian_filter(mean, SMOOTH_MM / pixel_mm)
    tissue = (smooth > SOFT_TISSUE_HU[0]) & (smooth < SOFT_TISSUE_HU[1]) & ~mask[k]
    return np.asarray(ndimage.binary_erosion(tissue, iterations=2))


def _index(image: Volume, images: Mapping[str, Volume], mask: NDArray[np.bool_], k: int, pixel_mm: float) -> float:
    value = streak_index(image[k], mask[k], _soft_tissue(images, mask, k, pixel_mm))
    return value if np.isfinite(value) else 0.0


def _measure(images: Mapping[str, Volume], mask: NDArray[np.bool_], pixel_mm: float) -> list[Row]:
    slices = np.flatnonzero(mask.sum(axis=(1, 2)) >= FEWEST_METAL_PX)
    rows = []
    for title, image in images.items():
        found = []
        for k in slices:
            tissue = _soft_tissue(images, mask, int(k), pixel_mm)
            distant = far_from(mask[k])
            found.append(
                (
                    streak_index(image[k], mask[k], tissue),
                    np.std(image[k][tissue & distant]),
                    _edge_px(image[k], images["uncorrected"][k], distant),
                )
            )
        rows.append(Row(title, *np.nanmean(found, axis=0)))
    return rows


def _edge_px(image: Volume, uncorrected: Volume, distant: NDArray[np.bool_]) -> float:
    """Return the median width (10 to 90 %), in pixels, of edges between air and body along rows, far from metal."""
    reach = 8
    widths = []
    crossing = (uncorrected[:, :-1] < -500) & (uncorrected[:, 1:] >= -500)
    for y, x in np.argwhere(crossing):
        if not reach <= x < image.shape[1] - reach or not distant[y, x - reach : x + reach].all():
            continue
        place = uncorrected[y, x - reach : x + reach]
        if place[: reach // 2].max() > -900 or place[-reach // 2 :].min() < -200:
            continue  # not a simple step from air to the body
        profile = image[y, x - reach : x + reach]
        low, high = profile[: reach // 2].mean(), profile[-reach // 2 :].mean()
        ends = [_first_above(profile, low + share * (high - low)) for share in (0.1, 0.9)]
        widths.append(ends[1] - ends[0])
    return float(np.median(widths)) if widths else float("nan")


def _first_above(profile: Volume, level: float) -> float:
    after = int(np.argmax(profile > level))
    before = max(after - 1, 0)
    rise = float(profile[after] - profile[before])
    return before + (level - float(profile[before])) / rise if rise else float(after)


def _draw(images: Mapping[str, Volume], k: int, number: int, path: Path) -> None:
    """Draw the uncorrected image, the result of each method, and NMAR minus uncorrected, cropped to the body."""
    body = ndimage.binary_opening(images["uncorrected"][k] > -500, iterations=3)
    place = ndimage.find_objects(body.astype(int))[0]
    shown = {title: picture(image[k], *WINDOW_HU) for title, image in images.items()}
    shown["NMAR - uncorrected"] = picture(images["NMAR"][k] - images["uncorrected"][k], *DIFFERENCE_HU)
    width, columns = 560, 3
    tiles = []
    for title, grey in shown.items():
        tile = Image.fromarray(grey[place])
        tile = tile.resize((width, round(tile.height * width / tile.width)), Image.Resampling.BICUBIC)
        framed = Image.new("L", (width, tile.height + 24))
        framed.paste(tile, (0, 24))
        ImageDraw.Draw(framed).text((6, 6), title, fill=230)
        tiles.append(np.asarray(framed))
    path.parent.mkdir(parents=True, exist_ok=True)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    Image.fromarray(np.vstack(rows)).save(path)
    print(f"\n`{path.name}`: slice {number}, width/level {WINDOW_HU[0]:g}/{WINDOW_HU[1]:g} HU; difference ±200 HU.")


if __name__ == "__main__":
    sys.exit(main())
