"""Resample series and masks to the processing grid, so that margins can be specified in its pixels."""

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Grid
from marview.volume import Volume
from marview.worker.resampling import SIZE, SliceFrame


def on_processing_grid(volume: Volume) -> Volume:
    """Resample a series to the processing grid: slices of 416 x 416 square pixels around the same centre."""
    frame = _frame(volume.grid)
    hu = np.empty((len(volume.hu), SIZE, SIZE), np.int16)
    for k, image in enumerate(volume.hu):
        hu[k] = np.rint(frame.to_processing(image[None])[0].numpy())
    return Volume(hu, _processing(volume.grid))


def mask_on_processing_grid(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """Resample a mask, bool `[z, y, x]`, to the processing grid, bool `[z, 416, 416]`."""
    frame = _frame(grid)
    moved = np.zeros((len(mask), SIZE, SIZE), bool)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        moved[k] = frame.mask_to_processing(mask[k : k + 1])[0].numpy()
    return moved


def _frame(grid: Grid) -> SliceFrame:
    return SliceFrame(grid.shape[1:], grid.spacing_mm[1:])


def _processing(grid: Grid) -> Grid:
    _, rows, columns = grid.shape
    _, row_mm, column_mm = grid.spacing_mm
    pixel_mm = _frame(grid).pixel_mm
    scale = np.diag([1, pixel_mm / row_mm, pixel_mm / column_mm, 1])
    middle = (SIZE - 1) / 2
    scale[1:3, 3] = (rows - 1) / 2 - middle * scale[1, 1], (columns - 1) / 2 - middle * scale[2, 2]
    return Grid((grid.shape[0], SIZE, SIZE), grid.affine @ scale, grid.frame_of_reference_uid)
