"""Evaluate corrections of real metal without ground truth, by streaks, preserved bone and consistency."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from marview.errors import DAMAGED_ARRAYS
from marview.evaluation.benchmark import Entry
from marview.evaluation.front_end_methods import FrontEndMethods
from marview.export import picture, save_picture, whole_file, write_npz
from marview.metrics import ring, streak_index
from marview.worker.neighbours import MOST_CLEAN, nearest_clean

FEWEST_METAL_PX = 10
ORIGINAL = "original"

_SMOOTH_MM = 4.0
_SOFT_TISSUE_HU = (-50.0, 150.0)
_BONE_HU = 250.0
_BONE_PX = 1.5
_BESIDE_METAL_PX = 2.0
_WINDOW_HU = (400.0, 40.0)
_DIFFERENCE_HU = (400.0, 0.0)
_CONSISTENCY = (0.2, 0.0)
"""Width and level, line integrals."""

_TILE_PX = 360
_CAPTION_PX = 24

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RealScan:
    """Metal-containing slices of a real scan.

    Attributes:
        hu: int16 HU, `[slice, y, x]`.
        mask: metal mask.
        spacing_mm: distance between neighbouring voxels along (z, y, x).
        indices: indices of the slices in the series.
        clean_hu: metal-free slices of the scan, those nearest to metal first, for methods that learn from
            them.
    """

    hu: NDArray[np.int16]
    mask: Mask
    spacing_mm: tuple[float, float, float]
    indices: Sequence[int]
    clean_hu: NDArray[np.int16]

    @classmethod
    def of(cls, hu: NDArray[np.int16], mask: Mask, spacing_mm: tuple[float, float, float], every: int) -> "RealScan":
        """Create a scan from every n-th slice (n = `every`) of the slices with at least ten metal pixels."""
        indices = np.flatnonzero(mask.sum(axis=(1, 2)) >= FEWEST_METAL_PX)[::every]
        clean = nearest_clean(np.asarray(mask.any(axis=(1, 2))), MOST_CLEAN)
        return cls(hu[indices], mask[indices], spacing_mm, indices.tolist(), hu[clean])

    @property
    def worst(self) -> int:
        """Return the position of the slice with the largest streak index."""
        image = self.hu.astype(np.float32)
        found = [
            streak_index(image[k], self.mask[k], soft_tissue(image[k], self.mask[k], self.spacing_mm[1]))
            for k in range(len(image))
        ]
        return int(np.nanargmax(np.nan_to_num(found, nan=-1.0)))


@dataclass(frozen=True, eq=False)
class RealRow:
    """An image of a scan, with its measures averaged over the slices.

    Attributes:
        title: title of the method, or `original`.
        hu: HU `[slice, y, x]`.
        streak_index: standard deviation of soft tissue in the 20-pixel ring around metal, divided by the
            standard deviation far from metal.
        bone_kept: fraction of the bone near metal in the original that is preserved; NaN without bone.
        consistency: root mean square difference between the result's forward projection and the sinogram
            outside the metal trace.
        consistency_map: map of this difference in the worst slice, in line integrals, `[view, bin]`.
    """

    title: str
    hu: Volume
    streak_index: float
    bone_kept: float
    consistency: float
    consistency_map: NDArray[np.float32]


def measure(
    scan: RealScan,
    entries: Sequence[Entry],
    correct: FrontEndMethods,
    folder: Path,
    on_progress: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> list[RealRow]:
    """Correct a scan with every method and measure the results; the original comes first.

    Each result is stored in `folder` immediately, so that an interrupted run can resume. A result is
    recomputed if the parameters, weights or slices change. Soft tissue is segmented once, on the
    smoothed mean of all images.

    Args:
        scan: slices to correct.
        entries: methods to run.
        correct: worker process that runs the methods.
        folder: folder for the results.
        on_progress: called with the completed fraction and the name of the method.

    Raises:
        MethodFailed: a method failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    worst = scan.worst
    count = len(scan.hu)
    hu = np.concatenate([scan.hu, scan.clean_hu])
    mask = np.concatenate([scan.mask, np.zeros(scan.clean_hu.shape, np.bool_)])
    images: dict[str, Volume] = {ORIGINAL: scan.hu.astype(np.float32)}
    consistency: dict[str, tuple[float, NDArray[np.float32]]] = {}
    for number, each in enumerate(entries):
        key = f"{each.key} {list(scan.indices)}"
        path = folder / f"{each.id}.npz"
        if (kept := _kept(path, key)) is None:

            def tell(fraction: float, number: int = number, title: str = each.title) -> None:
                on_progress((number + fraction) / len(entries), title)

            made = correct.correct(each, hu, mask, scan.spacing_mm, tell, mapped_slice=worst)
            assert made.consistency_map is not None
            error = float(np.mean([found for k, found in made.consistency.items() if k < count]))
            _keep(path, key, made.hu[:count], error, made.consistency_map)
            kept = _kept(path, key)
            assert kept is not None
        images[each.title] = kept[0]
        consistency[each.title] = kept[1:]
    tissue = [soft_tissue(np.mean([v[k] for v in images.values()], axis=0), scan.mask[k], scan.spacing_mm[1])
              for k in range(len(scan.hu))]  # fmt: skip
    blank = np.zeros_like(next(iter(consistency.values()))[1]) if consistency else np.zeros((1, 1), np.float32)
    rows = []
    for title, image in images.items():
        streaks = [streak_index(image[k], scan.mask[k], tissue[k]) for k in range(len(image))]
        kept_bone = bone_kept(image, images[ORIGINAL], scan.mask)
        rows.append(RealRow(title, image, float(np.nanmean(streaks)), kept_bone, *consistency.get(title, (0.0, blank))))
    return rows


def bone_kept(image: Volume, original: Volume, mask: Mask) -> float:
    """Return the fraction of bone near metal in the original that the image preserves; NaN without bone.

    Bone is tissue above 250 HU after smoothing, 2 to 20 pixels away from the metal in the same slice.

    Args:
        image: HU, `[slice, y, x]`.
        original: HU of the uncorrected slices.
        mask: metal mask of the slices.
    """
    near = np.stack([ring(metal) & ~ring(metal, _BESIDE_METAL_PX) for metal in mask])
    was, still = (ndimage.gaussian_filter(each, (0, _BONE_PX, _BONE_PX)) > _BONE_HU for each in (original, image))
    bone = near & was
    return float(still[bone].mean()) if bone.any() else math.nan


def soft_tissue(image: Volume, mask: Mask, pixel_mm: float) -> Mask:
    """Segment soft tissue, bool `[y, x]`: -50 to 150 HU after smoothing, excluding metal and edges."""
    smooth = ndimage.gaussian_filter(image, _SMOOTH_MM / pixel_mm)
    tissue = (smooth > _SOFT_TISSUE_HU[0]) & (smooth < _SOFT_TISSUE_HU[1]) & ~mask
    return np.asarray(ndimage.binary_erosion(tissue, iterations=2))


def draw(scan: RealScan, rows: Sequence[RealRow], path: Path) -> None:
    """Write a figure with the scan's worst slice in every image.

    The difference from the original and the consistency map are drawn below each image.
    """
    k = scan.worst
    place = _body(scan.hu[k])
    columns = []
    for row in rows:
        difference = row.hu[k].astype(np.int32) - rows[0].hu[k]
        columns.append(
            np.vstack(
                [
                    _tile(row.title, picture(row.hu[k], *_WINDOW_HU)[place]),
                    _tile("difference, ±200 HU", picture(difference, *_DIFFERENCE_HU)[place]),
                    _tile("consistency, ±0.1", picture(row.consistency_map, *_CONSISTENCY)),
                ]
            )
        )
    with whole_file(path) as part:
        save_picture(Image.fromarray(np.hstack(columns)), part)


def _body(hu: NDArray[np.int16]) -> tuple[slice, ...]:
    found: Mapping[int, tuple[slice, ...]] = dict(
        enumerate(ndimage.find_objects(ndimage.binary_opening(hu > -500, iterations=3).astype(int)))
    )
    return found.get(0, (slice(None), slice(None)))


def _tile(caption: str, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    tile = Image.fromarray(grey)
    tile = tile.resize((_TILE_PX, round(tile.height * _TILE_PX / tile.width)), Image.Resampling.BICUBIC)
    framed = Image.new("L", (_TILE_PX, tile.height + _CAPTION_PX))
    framed.paste(tile, (0, _CAPTION_PX))
    ImageDraw.Draw(framed).text((6, 6), caption, fill=230)
    return np.asarray(framed)


def _keep(path: Path, key: str, hu: Volume, consistency: float, consistency_map: NDArray[np.float32]) -> None:
    path.unlink(missing_ok=True)  # an earlier version left out its name
    arrays = {"hu": hu, "consistency": np.asarray(consistency), "consistency_map": consistency_map}
    write_npz(path, {"key": np.asarray(key), **arrays})


def _kept(path: Path, key: str) -> tuple[Volume, float, NDArray[np.float32]] | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            return file["hu"], float(file["consistency"]), file["consistency_map"]
    except (*DAMAGED_ARRAYS, KeyError):
        return None  # it is computed again
