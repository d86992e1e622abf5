"""Extract stored values from raw pixels, even if the bit attributes in the header contradict each other."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.dicom.codec import Stored
from marview.dicom.header import SliceHeader
from marview.dicom.remark import Remark

_MOST_JUMP = 3.0
_SMALL_JUMP = 5.0
_BESIDE = 3
"""Width in pixels of the ring around an overlay. The ring is compared with the pixels under the overlay."""
_ALIKE = 100
"""Range of stored values around the median under an overlay; noise is compared within this range."""
_MOST_NOISE_RATIO, _SMALL_NOISE = 2.0, 1.0


def image_bits(raw: Stored, header: SliceHeader) -> tuple[Stored, Remark]:
    """Extract the stored values from raw pixels: remove overlay bits and extend the sign bit.

    In a CT image, Bits Stored and High Bit refer to the lowest bits (PS3.3, C.8.2.1.1.4). If High Bit
    contradicts this, the interpretation depends on the pixels: values with empty low bits are shifted
    down. Bits above Bits Stored are kept if the values of the slice or of the series
    (`SliceHeader.uses_spare_bits`) use them, and removed if they contain overlays.

    Args:
        raw: integers with Bits Allocated bits, in any byte order, `[y, x]` or `[y, x, sample]`.
        header: header of the slice.

    Returns:
        Stored values with the same shape as `raw`, and remarks on the contradictions found.
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
    is_beyond = _beyond(stored, whole, header)
    if is_beyond is None:
        return stored, remarks
    if not header.uses_spare_bits and _is_drawn_over(stored, is_beyond):
        return stored, remarks | Remark.DROPPED_BITS
    return np.asarray(whole), remarks | Remark.SPARE_BITS


def _ones(count: int, like: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    return np.asarray((1 << count) - 1, like.dtype)


def _cut_out(integers: NDArray[np.unsignedinteger], bits: int, shift: int, *, is_signed: bool) -> Stored:
    width = integers.dtype.itemsize * 8
    if is_signed:
        signed = (integers << np.uint8(width - bits - shift)).view(f"i{integers.dtype.itemsize}")
        return np.asarray(signed >> np.uint8(width - bits))
    return np.asarray((integers >> np.uint8(shift)) & _ones(bits, integers))


def _beyond(stored: Stored, whole: Stored, header: SliceHeader) -> NDArray[np.bool_] | None:
    """Return the pixels with undeclared bits above Bits Stored; None if there are none, or all have the same bits."""
    differs = stored != whole
    if not differs.any():
        return None
    if header.is_signed and bool(((stored < 0) & ~differs).any()):
        return np.asarray(differs)  # negative values fill the upper bits, so a value with empty upper bits is positive
    no_overlay = ((1 << 8 * whole.dtype.itemsize) - 1) & ~header.overlay_bits
    integers = whole.view(f"u{whole.dtype.itemsize}") & np.asarray(no_overlay, f"u{whole.dtype.itemsize}")
    above = integers >> np.uint8(header.bits_stored)
    is_beyond = differs & (above != 0)
    return None if not is_beyond.any() or bool((above == above.flat[0]).all()) else is_beyond


def _is_drawn_over(stored: Stored, is_beyond: NDArray[np.bool_]) -> bool:
    """Return whether the values continue under the upper bits, as they do under an undeclared overlay.

    They continue if they do not jump at the edge of the overlay, and if the noise is the same under it and around it.
    """
    is_alike = np.abs(stored - np.median(stored[is_beyond])) < _ALIKE  # an overlay may cross the edge of the body
    under = is_beyond & is_alike
    near = ndimage.binary_dilation(is_beyond, iterations=_BESIDE) & ~is_beyond & is_alike
    at_edge, usual, inside, beside = [], [], [], []
    for axis in (0, 1):
        jumps = np.abs(np.diff(stored.astype(np.int64), axis=axis))
        is_edge = np.diff(is_beyond, axis=axis)
        at_edge.append(jumps[is_edge])
        usual.append(jumps[~is_edge])
        inside.append(jumps[_both(under, axis)])
        beside.append(jumps[_both(near, axis)])
    edge_jump, usual_jump = _median(at_edge), _median(usual)
    if edge_jump is None or usual_jump is None or edge_jump > _MOST_JUMP * max(usual_jump, _SMALL_JUMP):
        return False
    inner, outer = _median(inside), _median(beside)
    if inner is None or outer is None:
        return True
    return max(inner, outer) <= _MOST_NOISE_RATIO * max(min(inner, outer), _SMALL_NOISE)


def _both(region: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return the pairs of neighbours along an axis that are both in a region."""
    return region[1:] & region[:-1] if axis == 0 else region[:, 1:] & region[:, :-1]


def _median(parts: list[NDArray[np.int64]]) -> float | None:
    values = np.concatenate(parts)
    return float(np.median(values)) if values.size else None
