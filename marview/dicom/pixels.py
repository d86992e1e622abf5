"""Read the stored values of a slice and convert them to HU."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.dicom.bits import image_bits
from marview.dicom.codec import NATIVE, Stored, decode
from marview.dicom.header import DEFLATED, SliceHeader, inflate, opening
from marview.dicom.remark import Remark
from marview.dicom.source import open_regular
from marview.errors import BadInput

PADDING_HU = -1024
"""HU of padding outside the reconstructed field of view, and of missing slices: the lowest value of 12-bit CT, below
air, so that no method mistakes it for metal."""

_NO_OFFSETS, _END_OF_ITEMS = b"\xfe\xff\x00\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
LOWEST_HU, HIGHEST_HU = -32768, 32767
_AIR_HU = -950
_NEAR_AIR_HU = 100
_SMALLEST_PADDING = 1 / 4096
"""Smallest fraction of a slice that a padding area covers: 64 of 512 x 512 pixels."""


def stored_values(header: SliceHeader) -> Stored:
    """Read the stored values of a slice, `[y, x]` (`[y, x, sample]` in colour), without overlay bits.

    Raises:
        BadInput: the pixel data is truncated, damaged, or cannot be read.
    """
    return image_bits(_raw(header)[0], header)[0]


def _raw(header: SliceHeader) -> tuple[Stored, Remark]:
    if header.pixel_offset is None:
        raise BadInput(f"{header.name} is truncated: it ends before its image.")
    if header.transfer_syntax in NATIVE:
        return _native(header, header.pixel_offset), Remark.NONE
    if header.frame:
        items = _bytes_of(header, header.pixel_offset, header.pixel_length)
        return decode(header, _NO_OFFSETS + items + _END_OF_ITEMS)
    return decode(header, header.source.all()[header.pixel_offset :])


def _bytes_of(header: SliceHeader, offset: int, count: int) -> bytes:
    try:
        if header.source.member:
            return header.source.head(offset + count)[offset:]
        with open_regular(header.source.path) as stream:
            stream.seek(offset)
            return stream.read(count)
    except OSError as why:
        raise BadInput(f"{header.name} cannot be read ({(why.strerror or 'no reason given').lower()}).") from None


def native_bytes(header: SliceHeader) -> int:
    """Return the size of the uncompressed pixels of one slice in bytes."""
    return header.rows * header.columns * header.samples * header.bits_allocated // 8


def _native(header: SliceHeader, offset: int) -> Stored:
    kind = "i" if header.is_signed else "u"
    dtype = np.dtype(f"{'<' if header.is_little_endian else '>'}{kind}{header.bits_allocated // 8}")
    number = header.rows * header.columns * header.samples
    raw: Stored
    if header.transfer_syntax == DEFLATED:
        whole = header.source.all()
        data = inflate(whole, opening(whole)[1], header.name)
        raw = _whole_values(data[offset : offset + number * dtype.itemsize], dtype)
    elif header.source.member:
        raw = _whole_values(header.source.head(offset + number * dtype.itemsize)[offset:], dtype)
    else:
        try:
            with open_regular(header.source.path) as stream:
                stream.seek(offset)
                raw = np.fromfile(stream, dtype, number)
        except OSError as why:
            raise BadInput(f"{header.name} cannot be read ({(why.strerror or 'no reason given').lower()}).") from None
    if raw.size != number:
        raise BadInput(f"{header.name} is truncated: it contains {raw.size} of its {number} pixels.")
    if header.samples == 1:
        return raw.reshape(header.rows, header.columns)
    if header.is_planar:
        return raw.reshape(header.samples, header.rows, header.columns).transpose(1, 2, 0)
    return raw.reshape(header.rows, header.columns, header.samples)


def _whole_values(data: bytes, dtype: np.dtype[Any]) -> Stored:
    """Return the complete values in bytes; drop the bytes of a truncated last value."""
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize)


def write_hu(header: SliceHeader, hu: NDArray[np.int16]) -> Remark:
    """Decode a slice into `hu`, `[y, x]`, and return remarks on its pixels; padding becomes `PADDING_HU`.

    Raises:
        BadInput: the pixel data is truncated, damaged, or cannot be read.
    """
    raw, on_codec = _raw(header)
    stored, remarks = image_bits(raw, header)
    remarks |= on_codec
    if stored.ndim == 3:
        stored = _luminance(stored, header.photometric)
    if _apply(stored, header, hu):
        remarks |= Remark.CLIPPED
    has_value = _has_padding_value(stored, header)
    if has_value is not None:
        is_padding = _in_corners(has_value)
        if bool((hu[has_value & ~is_padding] > _AIR_HU).any()):
            remarks |= Remark.STRAY_PADDING
        if is_padding.any():
            is_air = bool((np.abs(hu[is_padding].astype(np.int32) - PADDING_HU) < _NEAR_AIR_HU).all())
            remarks |= Remark.NONE if is_air else Remark.PADDED
            hu[is_padding] = PADDING_HU
    return remarks


def rescale(header: SliceHeader) -> tuple[float, float]:
    """Return slope and intercept of a slice; (1, 0) if it has none."""
    slope = 1.0 if header.slope is None else header.slope
    return slope, header.intercept or 0.0


def padding_mask(stored: Stored, header: SliceHeader) -> NDArray[np.bool_] | None:
    """Return the padding of a slice, bool `[y, x]`; None if there is no padding.

    Only the areas with the padding value at the image corners, outside the reconstructed field of view,
    count as padding. Elsewhere, the same value is an ordinary pixel value: some files declare 0 as
    padding and also store 0 HU as 0.
    """
    has_value = _has_padding_value(stored, header)
    if has_value is None:
        return None
    is_padding = _in_corners(has_value)
    return is_padding if is_padding.any() else None


def _has_padding_value(stored: Stored, header: SliceHeader) -> NDArray[np.bool_] | None:
    """Return the pixels with the padding value (or range) of the header; None if there are none."""
    if header.padding is None:
        return None
    first, last = header.padding
    limits = np.iinfo(stored.dtype)
    if last < limits.min or first > limits.max:
        return None
    has_value = (stored >= max(first, limits.min)) & (stored <= min(last, limits.max))
    return has_value if has_value.any() else None


def _in_corners(has_value: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the areas around corners, excluding small areas that may belong to a body at the border.

    The field of view is convex, so each area outside it touches two sides of the slice that meet. A body that crosses
    the border touches one side, or two opposite ones.
    """
    labels, number = ndimage.label(has_value)
    top, bottom, left, right = (
        np.bincount(side, minlength=number + 1) > 0 for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    )
    is_kept = (top | bottom) & (left | right)
    is_kept &= np.bincount(labels.ravel(), minlength=number + 1) >= has_value.size * _SMALLEST_PADDING
    is_kept[0] = False
    return np.asarray(is_kept[labels])


def _apply(stored: Stored, header: SliceHeader, hu: NDArray[np.int16]) -> bool:
    """Write slope * stored + intercept, rounded and clipped, to `hu`; return whether anything was clipped."""
    slope, intercept = rescale(header)
    bits = header.bits_stored
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if header.is_signed else (0, (1 << bits) - 1)
    fits = _fits(low * slope + intercept, high * slope + intercept)
    if not fits:
        fits = _fits(int(stored.min()) * slope + intercept, int(stored.max()) * slope + intercept)
    if fits and slope == 1 and math.isfinite(intercept) and intercept == int(intercept) and stored.dtype.itemsize == 2:
        # Arithmetic modulo 2^16 is correct if the result fits.
        np.add(stored.view(np.int16), np.asarray(int(intercept) & 0xFFFF, np.uint16).view(np.int16), out=hu)
        return False
    exact = stored.astype(np.float64)
    exact *= slope
    exact += intercept
    np.rint(exact, out=exact)
    np.clip(exact, LOWEST_HU, HIGHEST_HU, out=exact)
    hu[...] = exact
    return not fits


def _fits(one_end_hu: float, other_end_hu: float) -> bool:
    return min(one_end_hu, other_end_hu) >= LOWEST_HU - 0.5 and max(one_end_hu, other_end_hu) < HIGHEST_HU + 0.5


def _luminance(colours: Stored, photometric: str) -> Stored:
    if photometric.startswith("YBR"):
        return np.ascontiguousarray(colours[..., 0])
    weighted = colours.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.rint(weighted).astype(colours.dtype)
