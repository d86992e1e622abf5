"""Read a NIfTI file as if it were a series: HU on an LPS grid, slices from the foot end."""

import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from marview.dicom.pixels import HIGHEST_HU, LOWEST_HU, PADDING_HU
from marview.dicom.read import Allocate, LoadedSeries, allocate_hu, middle_outward
from marview.dicom.report import Finding, Kind, Outcome, SeriesReport, Stack
from marview.dicom.series import Series
from marview.errors import BadInput
from marview.geometry import Grid
from marview.volume import Volume

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
LARGEST_VOXELS = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Layout:
    """How the axes (i, j, k) of a NIfTI array become (z, y, x) that run towards head, back and left.

    Attributes:
        axes: the file's axis that becomes z, y and x.
        is_flipped: whether z, y and x run against it.
        grid: the grid that results.
    """

    axes: tuple[int, int, int]
    is_flipped: tuple[bool, bool, bool]
    grid: Grid

    def to_zyx(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """A view `[z, y, x]` of the file's array `[i, j, k]`."""
        flips = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.is_flipped)
        return array.transpose(self.axes)[flips]

    def from_zyx(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """A view in the file's own order `[i, j, k]` of an array `[z, y, x]`."""
        flips = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.is_flipped)
        return array[flips].transpose(np.argsort(self.axes))


def layout_of(shape: tuple[int, int, int], affine_ras: NDArray[np.float64]) -> Layout:
    """The layout of a NIfTI array of this shape (i, j, k) and affine (index -> RAS mm).

    Raises:
        ValueError: the affine cannot be inverted.
    """
    columns = (RAS_TO_LPS @ affine_ras)[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    if not np.isfinite(affine_ras).all() or lengths.min() == 0:
        raise ValueError("no usable affine")
    directions = columns / lengths
    orders = [(k, j, i) for i in range(3) for j in range(3) for k in range(3) if len({i, j, k}) == 3]
    axes = max(orders, key=lambda order: sum(abs(directions[2 - at, axis]) for at, axis in enumerate(order)))
    flips = tuple(bool(columns[2 - at, axis] < 0) for at, axis in enumerate(axes))
    origin = (RAS_TO_LPS @ affine_ras)[:3, 3].copy()
    affine = np.eye(4)
    for at, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        origin += columns[:, axis] * (shape[axis] - 1) * flip
        affine[:3, at] = -columns[:, axis] if flip else columns[:, axis]
    affine[:3, 3] = origin
    grid = Grid((shape[axes[0]], shape[axes[1]], shape[axes[2]]), affine)
    return Layout(axes, (flips[0], flips[1], flips[2]), grid)


def open_nifti(path: Path) -> tuple[nib.Nifti1Image, Layout]:
    """The image, its voxels not yet read, and its layout.

    Raises:
        BadInput: the file is not a NIfTI volume that can be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise BadInput(f"{path.name} is not NIfTI.")
        shape = tuple(int(n) for n in image.shape)
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) == 2:
            shape = (*shape, 1)
        if len(shape) != 3:
            raise BadInput(f"{path.name} has {len(shape)} dimensions; a volume has 3.")
        if min(shape) < 1 or np.prod(shape, dtype=np.float64) > LARGEST_VOXELS:
            raise BadInput(f"{path.name} claims {' x '.join(map(str, shape))} voxels and is not read.")
        stored = np.dtype(image.get_data_dtype())  # type: ignore[no-untyped-call]
        if stored.kind not in "iuf":
            raise BadInput(f"{path.name} holds {stored} values, not numbers of HU.")
        return image, layout_of((shape[0], shape[1], shape[2]), np.asarray(image.affine, dtype=np.float64))
    except BadInput:
        raise
    except ValueError:
        raise BadInput(f"{path.name} has no usable affine, so where its voxels are is unknown.") from None
    except (OSError, EOFError, zlib.error, nib.filebasedimages.ImageFileError) as why:
        reason = getattr(why, "strerror", None) or "it is damaged"
        raise BadInput(f"{path.name} cannot be read: {str(reason).lower()}.") from None


def check_nifti(path: Path) -> SeriesReport:
    """Judge a NIfTI file by its header."""
    try:
        _, layout = open_nifti(path)
    except BadInput as why:
        return SeriesReport((Finding(Kind.DAMAGED, str(why), Outcome.REFUSES),), None)
    return SeriesReport((), Stack((), layout.grid))


def read_nifti(
    series: Series,
    *,
    allocate: Allocate | None = None,
    on_start: Callable[[LoadedSeries], None] | None = None,
    on_slice: Callable[[int], None] | None = None,
) -> LoadedSeries:
    """Read a NIfTI file as `read` reads a series; NaN becomes `PADDING_HU`.

    Raises:
        BadInput: the file cannot be read.
    """
    path = series.nifti
    if path is None:
        raise ValueError("not a NIfTI series")
    image, layout = open_nifti(path)
    hu = allocate_hu(layout.grid.shape, allocate)
    hu.fill(PADDING_HU)
    report = SeriesReport((), Stack((), layout.grid))
    loaded = LoadedSeries(series, Volume(hu, layout.grid), (None,) * layout.grid.shape[0], report, nifti=path)
    if on_start is not None:
        on_start(loaded)
    try:
        values = layout.to_zyx(
            np.asanyarray(image.dataobj).reshape(image.shape[:3] + (1,) * (3 - len(image.shape[:3])))
        )
    except (OSError, EOFError, ValueError, zlib.error):
        raise BadInput(f"{path.name} is truncated or damaged.") from None
    is_float = values.dtype.kind == "f"
    for z in middle_outward(len(values)):
        plane = np.nan_to_num(np.rint(values[z]), nan=PADDING_HU) if is_float else values[z]
        np.clip(plane, LOWEST_HU, HIGHEST_HU, out=hu[z], casting="unsafe")
        if on_slice is not None:
            on_slice(z)
    return loaded
