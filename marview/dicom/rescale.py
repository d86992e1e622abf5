"""Choose the rescale slope and intercept of corrected slices, widening the range only to avoid clipping."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.dicom.encode import decimal_text, stored_range
from marview.dicom.header import SliceHeader
from marview.dicom.pixels import PADDING_HU, padding_mask, rescale, stored_values
from marview.dicom.read import Cancelled, LoadedSeries
from marview.dicom.report import Kind
from marview.volume.correction import Planes

_FEWEST_BITS = 12
"""Smallest number of bits stored in a CT image (PS3.3, C.8.2.1.1), used also for sources with fewer bits."""


@dataclass(frozen=True)
class Rescale:
    """The mapping from stored values to HU, and the range of stored values."""

    slope: float
    intercept: float
    bits_stored: int
    is_signed: bool

    @property
    def range(self) -> tuple[int, int]:
        """Return the lowest and highest stored value."""
        return stored_range(self.bits_stored, is_signed=self.is_signed)


def own_rescale(header: SliceHeader) -> Rescale:
    """Return the rescale of a source slice."""
    slope, intercept = rescale(header)
    return Rescale(slope, intercept, max(header.bits_stored, _FEWEST_BITS), header.is_signed)


def _corrected(header: SliceHeader, correction_hu: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return corrected stored values in the slice's own rescale, `[y, x]`, possibly out of range; keep the padding."""
    stored = stored_values(header)
    slope, intercept = rescale(header)
    values = _rounded(stored + correction_hu / np.float64(slope), slope, intercept)
    padding = padding_mask(stored, header)
    return values if padding is None else np.where(padding, stored, values)


def common_rescale(
    loaded: LoadedSeries, correction_hu: Planes, is_cancelled: Callable[[], bool] | None
) -> Rescale | None:
    """Return one rescale for the whole series; None if every slice can keep its own rescale."""
    needs_wider = False
    beyond_bits = {z for finding in loaded.report.findings if finding.kind == Kind.BITS for z in finding.slices}
    low, high = math.inf, -math.inf
    for z, header in enumerate(loaded.sources):
        if header is None:
            continue
        if is_cancelled is not None and is_cancelled():
            raise Cancelled
        own = own_rescale(header)
        if own.bits_stored > 16:
            needs_wider = True
        if correction_hu[z].any() or needs_wider or z in beyond_bits:
            values = _corrected(header, correction_hu[z])
            needs_wider |= bool(values.min() < own.range[0] or values.max() > own.range[1])
    if not needs_wider:
        return None
    for z, header in enumerate(loaded.sources):
        if header is not None:
            exact = _exact_hu(header, correction_hu[z])
            low, high = min(low, float(exact.min())), max(high, float(exact.max()))
    return wide_rescale(low, high)


def wide_rescale(low_hu: float, high_hu: float) -> Rescale:
    """Return a rescale of signed 16-bit values that covers the range.

    The slope is 1 if possible, otherwise the smallest slope that covers the range.
    """
    if low_hu > -32768.5 and high_hu < 32767.5:
        return Rescale(1.0, 0.0, 16, is_signed=True)
    middle = float(np.rint((low_hu + high_hu) / 2))
    if (high_hu - low_hu) < 65534:
        return Rescale(1.0, middle, 16, is_signed=True)
    slope = float(decimal_text((high_hu - low_hu) / 65533 * (1 + 1e-9)))
    return Rescale(slope, middle, 16, is_signed=True)


def _exact_hu(header: SliceHeader, correction_hu: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return source plus correction in HU, `[y, x]`, from the source's stored values; padding is `PADDING_HU`."""
    stored = stored_values(header)
    slope, intercept = rescale(header)
    exact = stored.astype(np.float64) * slope + intercept + correction_hu
    padding = padding_mask(stored, header)
    if padding is not None:
        exact[padding] = PADDING_HU
    return np.asarray(exact)


def remapped(
    header: SliceHeader, correction_hu: NDArray[np.float32], wide: Rescale | None
) -> tuple[NDArray[np.int64], Rescale]:
    """Return the corrected slice as stored values, `[y, x]`, and its rescale.

    The rescale is `wide`, or the slice's own rescale if `wide` is None.
    """
    if wide is None:
        return _corrected(header, correction_hu), own_rescale(header)
    exact = _exact_hu(header, correction_hu)
    return _rounded((exact - wide.intercept) / wide.slope, wide.slope, wide.intercept), wide


def _rounded(stored: NDArray[np.float64], slope: float, intercept: float) -> NDArray[np.int64]:
    """Round stored values like `marview.volume.correction.corrected`, so that halves agree in file and window."""
    offset = round(intercept / slope)
    return np.rint(stored + offset).astype(np.int64) - offset
