"""Create the thumbnail of a series from its middle slice."""

import numpy as np
from numpy.typing import NDArray

from marview.dicom import Series, SeriesReport
from marview.dicom.pixels import write_hu
from marview.errors import BadInput

EDGE_PX = 96
BLACK_HU, WHITE_HU = -600.0, 900.0


def thumbnail(series: Series, report: SeriesReport) -> NDArray[np.uint8] | None:
    """Return a thumbnail of a series, uint8 `[y, x]`, at most `EDGE_PX` wide and high.

    None if the middle slice cannot be read separately.
    """
    if report.stack is None or series.nifti is not None:
        return None
    present = [header for header in report.stack.slices if header is not None]
    if not present:
        return None
    header = present[len(present) // 2]
    hu = np.empty((header.rows, header.columns), np.int16)
    try:
        write_hu(header, hu)
    except BadInput:
        return None
    return shrink(hu)


def shrink(hu: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Convert an HU slice `[y, x]` to grey levels, downsampled to at most `EDGE_PX` in width and height."""
    step = max(1, -(-max(hu.shape) // EDGE_PX))
    rows, columns = (max(1, n // step) for n in hu.shape)
    blocks = hu[: rows * step, : columns * step].reshape(rows, -1, columns, min(step, hu.shape[1]))
    grey = (blocks.mean(axis=(1, 3)) - BLACK_HU) / (WHITE_HU - BLACK_HU) * 255
    return np.asarray(np.clip(grey, 0, 255), dtype=np.uint8)
