"""Extracts stored values from raw pixels, even if the header contradicts itself about their bits."""

import numpy as np
from numpy.typing import NDArray

from marview.dicom.codec import Stored
from marview.dicom.header import SliceHeader
from marview.dicom.remark import Remark

_MOST_JUMP = 3.0
_SMALL_JUMP = 5.0


def image_bits(raw: Stored, header: SliceHeader) -> tuple[Stored, Remark]:
    """Extract the stored values from raw pixels: overlay bits removed, sign extended.

    In a CT image, Bits Stored and High Bit refer to the lowest bits (PS3.3, C.8.2.1.1.4). If High Bit says otherwise,
    the pixels decide: values with empty low bits are shifted down. Bits above Bits Stored count if the values use
    them, and are removed if they hold overlays.

    Args:
        raw: integers of the width of Bits Allocated, in any byte order, `[y, x]` or `[y, x, sample]`.
        header: header of the slice.

    Returns:
        Stored values in the shape of raw, and the contradictions found.
    """
    if not raw.dtype.isnative:
        raw = raw.astype(raw.dtype.newbyteorder("="))
    bits, width = header.bits_stored, raw.dtype.itemsize * 8
    if bits >= width:
        return raw, Remark.NONE
    integers = raw.view(f"u{raw.dtype.itemsize}")
    shift = header.high_bit + 1 - bits
    remarks = Remark.NONE if shift == 0 else Remark.HIGH_BIT
    if not 0 < shift <= width - bits or bool((integers & _ones(shift, integers)).any()):
        shift = 0
    stored = _cut_out(integers, bits, shift, is_signed=header.is_signed)
    whole = raw >> np.asarray(shift, raw.dtype)
    if _uses_spare_bits(stored, whole, header):
        return np.asarray(whole), remarks | Remark.SPARE_BITS
    return stored, remarks


def _ones(count: int, like: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    return np.asarray((1 << count) - 1, like.dtype)


def _cut_out(integers: NDArray[np.unsignedinteger], bits: int, shift: int, *, is_signed: bool) -> Stored:
    width = integers.dtype.itemsize * 8
    if is_signed:
        signed = (integers << np.uint8(width - bits - shift)).view(f"i{integers.dtype.itemsize}")
        return np.asarray(signed >> np.uint8(width - bits))
    return np.asarray((integers >> np.uint8(shift)) & _ones(bits, integers))


def _uses_spare_bits(stored: Stored, whole: Stored, header: SliceHeader) -> bool:
    """Return whether the bits above Bits Stored are part of the values, not overlays or leftovers of the writer."""
    differs = stored != whole
    if not differs.any():
        return False
    no_overlay = ((1 << 8 * whole.dtype.itemsize) - 1) & ~header.overlay_bits
    integers = whole.view(f"u{whole.dtype.itemsize}") & np.asarray(no_overlay, f"u{whole.dtype.itemsize}")
    above = integers >> np.uint8(header.bits_stored)
    is_beyond = differs & (above != 0)
    if not is_beyond.any() or bool((above == above.flat[0]).all()):
        return False
    return not _is_drawn_over(stored, is_beyond)


def _is_drawn_over(stored: Stored, is_beyond: NDArray[np.bool_]) -> bool:
    """Return whether the values continue smoothly under the upper bits, as they do under an undeclared overlay."""
    at_edge, usual = [], []
    for axis in (0, 1):
        jumps = np.abs(np.diff(stored.astype(np.int64), axis=axis))
        is_edge = np.diff(is_beyond, axis=axis)
        at_edge.append(jumps[is_edge])
        usual.append(jumps[~is_edge])
    edge_jumps, usual_jumps = np.concatenate(at_edge), np.concatenate(usual)
    if not edge_jumps.size or not usual_jumps.size:
        return False
    return float(np.median(edge_jumps)) <= _MOST_JUMP * max(float(np.median(usual_jumps)), _SMALL_JUMP)
