"""Find top-level elements of a data set without parsing the other elements or trusting their lengths.

pydicom reads whole data sets and follows nested sequences and declared lengths. A scan needs only about
forty values and the position of the pixel data from each file, but it reads thousands of files, and some
of them may be damaged or malicious.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = 0x7FE00010
_FLOAT_PIXELS = frozenset({0x7FE00008, 0x7FE00009})
_DEEPEST = 64
_LOOK_INSIDE_BYTES = 4096
"""Length in bytes of sequences too short to be nested deeply enough to cause problems."""


class TooDeep(Exception):  # noqa: N818 - a judgement of the file, not a program error
    """Sequences are nested more deeply than in any real image."""


@dataclass(frozen=True)
class Elements:
    """Elements found by `find`.

    Attributes:
        values: raw values by tag.
        pixel_offset: start of the pixel data; None if the bytes end before the pixel data.
        pixel_length: length of the pixel data in bytes; -1 if encapsulated.
        end: position where reading stopped.
        has_float_pixels: whether the pixels are stored as Float or Double Float Pixel Data.
    """

    values: dict[int, bytes]
    pixel_offset: int | None
    pixel_length: int
    end: int
    has_float_pixels: bool = False


def find(
    data: bytes,
    start: int,
    wanted: Collection[int],
    *,
    is_explicit: bool,
    is_little_endian: bool = True,
    stop_after_group: int = 0x7FE0,
) -> Elements:
    """Find the wanted top-level elements of a data set, up to the pixel data.

    Args:
        data: bytes of the file.
        start: position of the first element.
        wanted: tags of the elements to find.
        is_explicit: whether the data set has explicit value representations.
        is_little_endian: whether the data set is little endian.
        stop_after_group: number of the last group to read.

    Raises:
        TooDeep: sequences are nested too deeply.
    """
    reader = _Reader(data, is_explicit=is_explicit, is_little_endian=is_little_endian)
    values: dict[int, bytes] = {}
    at, size = start, len(data)
    while at + 8 <= size:
        tag, length, value_at = reader.element(at)
        if tag == _PIXELS:
            return Elements(values, value_at, -1 if length == _UNDEFINED else length, at)
        if tag in _FLOAT_PIXELS:
            return Elements(values, None, 0, at, has_float_pixels=True)
        if tag >> 16 > stop_after_group:
            break
        if length == _UNDEFINED:
            at = reader.after_sequence(value_at)
            continue
        if tag in wanted and value_at + length <= size:
            values[tag] = data[value_at : value_at + length]
        elif length > _LOOK_INSIDE_BYTES and reader.tag(value_at) == _ITEM:
            reader.after_items(value_at, min(value_at + length, size))
        at = value_at + length
    return Elements(values, None, 0, at)


class _Reader:
    def __init__(self, data: bytes, *, is_explicit: bool, is_little_endian: bool) -> None:
        self._data = data
        self._is_explicit = is_explicit
        order = "<" if is_little_endian else ">"
        self._tag = struct.Struct(order + "HH").unpack_from
        self._header = struct.Struct(order + "HH2sH").unpack_from
        self._long = struct.Struct(order + "I").unpack_from

    def tag(self, at: int) -> int:
        if at + 4 > len(self._data):
            return 0
        group, element = self._tag(self._data, at)
        return int(group << 16 | element)

    def element(self, at: int) -> tuple[int, int, int]:
        """Return tag, length and start of the value; the header's 8 bytes must be inside the data."""
        data = self._data
        group, element, kind, length = self._header(data, at)
        tag = group << 16 | element
        if self._is_explicit and group != 0xFFFE:
            if kind in _SHORT:
                return tag, length, at + 8
            if kind in _LONG:
                return (tag, self._long(data, at + 8)[0], at + 12) if at + 12 <= len(data) else (tag, 0, len(data))
        return tag, self._long(data, at + 4)[0], at + 8

    def after_sequence(self, at: int) -> int:
        """Return the end of a sequence of undefined length whose first item starts at `at`."""
        return self.after_items(at, len(self._data))

    def after_items(self, at: int, end: int) -> int:
        """Skip items up to `end` or their closing delimiter, without recursion.

        The stack contains one entry per open sequence or item: whether it is an item, and the latest possible end.
        """
        stack = [(False, end)]
        while stack:
            is_item, last = stack[-1]
            if at + 8 > last:
                stack.pop()
                at = last
                continue
            tag, length, value_at = self.element(at)
            if tag in {_ITEM_END, _SEQUENCE_END}:
                stack.pop()
                at = value_at
            elif not is_item and tag != _ITEM:
                return len(self._data)
            elif length == _UNDEFINED:
                stack.append((not is_item, last))
                at = value_at
            elif not is_item or (length > _LOOK_INSIDE_BYTES and self.tag(value_at) == _ITEM):
                stack.append((not is_item, min(value_at + length, last)))
                at = value_at
            else:
                at = value_at + length
            if len(stack) > 2 * _DEEPEST:
                raise TooDeep
        return at
