"""Read metal shapes for simulated cases, resize them and place them in a body."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from scipy.ndimage import find_objects, gaussian_filter, label
from scipy.signal import fftconvolve

from marview.dicom.source import open_regular
from marview.errors import DAMAGED_ARRAYS, BadInput
from marview.slices.body import body_of
from marview.slices.reason import in_words

_TISSUE_HU = -200.0

TEST_SIZES_PX = (2054, 890, 880, 450, 250, 124, 118, 112, 53, 35)
"""Numbers of metal pixels of ten shapes on a 416 x 416 grid, distributed as in the public test set (32 to 2054)."""

TEST_PIECES = 5
"""Number of pieces per shape. Implants often consist of several pieces, and streaks appear between them. With one piece
per shape, the uncorrected image is 6 dB better than in the public files; with five pieces, the two agree."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Metal shape of a given size: one piece, or several pieces that are placed separately.

    Attributes:
        blobs: one array per piece, float32 `[y, x]`, with the metal fraction of each pixel, 0 to 1.
    """

    blobs: tuple[NDArray[np.float32], ...]


def read_shapes(path: Path) -> NDArray[np.bool_]:
    """Read metal shapes as masks, bool `[shape, y, x]`.

    Args:
        path: `.npz` file with `mask`, bit-packed along x, and its unpacked `shape`; or `.npy` file of masks
            `[shape, y, x]`, or `[x, y, shape]` as in SynDeepLesion. The shortest axis is the shape axis.

    Raises:
        BadInput: the file does not exist, or it contains no masks.
    """
    try:
        with open_regular(path) as stream:  # NumPy does not close a damaged file
            file = np.load(stream, allow_pickle=False)
            masks = file if isinstance(file, np.ndarray) else file["mask"]
            if not isinstance(file, np.ndarray) and "shape" in file:
                masks = np.unpackbits(masks, axis=-1)[..., : int(file["shape"][-1])]
    except KeyError as reason:
        raise BadInput(f"{path} contains no array named mask, so it has no metal shapes.") from reason
    except DAMAGED_ARRAYS as reason:
        raise BadInput(
            f"{path} cannot be read as metal shapes: {in_words(reason, 'it is not an array file')}."
        ) from reason
    if masks.ndim != 3 or masks.dtype.kind not in "bui":
        raise BadInput(f"{path} contains {masks.dtype} of shape {masks.shape}, not masks [shape, y, x].")
    if np.argmin(masks.shape) == 2:
        masks = masks.transpose(2, 1, 0)
    return np.asarray(masks > 0)


def shapes_of_sizes(
    masks: NDArray[np.bool_], grid: int, sizes_px: Sequence[int] = TEST_SIZES_PX, pieces: int = TEST_PIECES
) -> list[Shape]:
    """Create one shape of each size, cycling through the masks.

    Args:
        masks: bool, `[shape, y, x]`, one piece per mask.
        grid: width of the square slices in pixels; the sizes are scaled to this width.
        sizes_px: number of metal pixels of each shape on a 416 x 416 grid.
        pieces: number of equal-area pieces in each shape.
    """
    turn = itertools.cycle(masks)
    scale = (grid / 416) ** 2 / pieces
    return [Shape(tuple(_resized(next(turn), size * scale) for _ in range(pieces))) for size in sizes_px]


def place(shape: Shape, hu: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Place the pieces of a shape at random positions in a body, without overlap and fully inside tissue.

    Args:
        shape: shape to place.
        hu: slice in HU, `[y, x]`.
        rng: random generator.

    Returns:
        Metal fraction of each pixel, 0 to 1, float32, `[y, x]`.

    Raises:
        BadInput: the shape does not fit into the body.
    """
    free = tissue_of(hu)
    metal = np.zeros(hu.shape, dtype=np.float32)
    for blob in shape.blobs:
        height, width = blob.shape
        covered = fftconvolve((~free).astype(np.float32), (blob > 0).astype(np.float32)[::-1, ::-1], mode="valid")
        places = np.argwhere(covered < 0.5)
        if not len(places):
            raise BadInput(f"A metal shape of {height} x {width} pixels does not fit into the body. Use a smaller one.")
        y, x = places[rng.integers(len(places))]
        metal[y : y + height, x : x + width] += blob
        free &= metal == 0
    return metal


def tissue_of(hu: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the tissue mask of the largest body region, without lungs, gas and table; bool, `[y, x]`."""
    parts, count = label(body_of(hu))
    if not count:
        return np.zeros(hu.shape, dtype=bool)
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    tissue = np.asarray((parts == largest) & (gaussian_filter(hu, 2.0) > _TISSUE_HU))
    tissue[[0, -1]] = tissue[:, [0, -1]] = False
    return tissue


def _resized(mask: NDArray[np.bool_], area_px: float) -> NDArray[np.float32]:
    """Crop a mask to its piece, and resize it so that about `area_px` pixels contain metal."""
    crop = mask[find_objects(mask.astype(np.uint8))[0]].astype(np.float32)
    zoom = np.sqrt(area_px / np.count_nonzero(crop))
    for _ in range(4):
        size = max(1, round(crop.shape[1] * zoom)), max(1, round(crop.shape[0] * zoom))
        grey = np.asarray(PilImage.fromarray(crop).resize(size, PilImage.Resampling.BILINEAR))
        zoom *= np.sqrt(area_px / np.count_nonzero(grey))
    return np.asarray(np.clip(grey, 0, 1))
