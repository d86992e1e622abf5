"""Values of DICOM elements (numbers, words and text), read from raw bytes that may be damaged."""

import math
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes

from marview.volume.window import is_usable_window

MOST_MM, LEAST_MM = 1e6, 1e-5
_TO_CHINESE = "\x1b$)A"
"""Escape sequence of ISO 2022 IR 58, which pydicom leaves in the text."""

_MOST_WHOLE = 1 << 31
"""Largest value of an Integer String (PS3.5, 6.2)."""
_DECIMAL = re.compile(r"[-+0-9.,eE]+|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
"""Characters of a Decimal String (PS3.5, 6.2). A comma and words that are not numbers are read, so that they can be
reported."""

TAGS = {
    "charset": 0x00080005,
    "image_type": 0x00080008,
    "sop_class": 0x00080016,
    "sop_uid": 0x00080018,
    "study_date": 0x00080020,
    "series_date": 0x00080021,
    "series_time": 0x00080031,
    "acquisition_date": 0x00080022,
    "content_date": 0x00080023,
    "acquisition_date_time": 0x0008002A,
    "acquisition_time": 0x00080032,
    "modality": 0x00080060,
    "study_description": 0x00081030,
    "series_description": 0x0008103E,
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "contrast_agent": 0x00180010,
    "body_part": 0x00180015,
    "scan_options": 0x00180022,
    "protocol": 0x00181030,
    "exposure_time": 0x00181150,
    "table_height": 0x00181130,
    "algorithm": 0x00189315,
    "patient_position": 0x00185100,
    "field_of_view": 0x00181100,
    "tube_current": 0x00181151,
    "exposure": 0x00181152,
    "filter": 0x00181160,
    "focal_spot": 0x00181190,
    "collection_diameter": 0x00180090,
    "rotation_time": 0x00189305,
    "collimation": 0x00189307,
    "pitch": 0x00189311,
    "thickness": 0x00180050,
    "derivation": 0x00082111,
    "trigger_time": 0x00181060,
    "tilt": 0x00181120,
    "kernel": 0x00181210,
    "tube_voltage": 0x00180060,
    "echo_time": 0x00180081,
    "study_uid": 0x0020000D,
    "series_uid": 0x0020000E,
    "series_number": 0x00200011,
    "acquisition": 0x00200012,
    "instance": 0x00200013,
    "position": 0x00200032,
    "orientation": 0x00200037,
    "frame_of_reference_uid": 0x00200052,
    "temporal": 0x00200100,
    "cardiac_phase": 0x00209241,
    "samples": 0x00280002,
    "photometric": 0x00280004,
    "planar": 0x00280006,
    "frames": 0x00280008,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "spacing": 0x00280030,
    "bits_allocated": 0x00280100,
    "bits_stored": 0x00280101,
    "high_bit": 0x00280102,
    "signed": 0x00280103,
    "padding": 0x00280120,
    "padding_limit": 0x00280121,
    "level": 0x00281050,
    "width": 0x00281051,
    "intercept": 0x00281052,
    "slope": 0x00281053,
    "rescale_type": 0x00281054,
    "lossy": 0x00282110,
}


_OVERLAY_POSITIONS = tuple(range(0x60000102, 0x60200102, 0x20000))
WANTED = frozenset(TAGS.values()) | frozenset(_OVERLAY_POSITIONS)


class Values:
    """Raw values of a data set, converted without pydicom because its warnings quote values."""

    def __init__(self, values: Mapping[int, bytes], *, is_little_endian: bool) -> None:
        self._values = values
        self._order = "<" if is_little_endian else ">"
        self._charset = self.words("charset")
        self.has_commas = False

    def raw(self, name: str) -> bytes:
        """Return the bytes of an element; empty if it is absent."""
        return self._values.get(TAGS[name], b"")

    def plain(self, name: str) -> str:
        """Return the text of an element, decoded with the default character set."""
        return self.raw(name).decode("latin-1").strip(" \0\t\r\n")

    def words(self, name: str) -> tuple[str, ...]:
        """Return the values of an element as strings; in the file, they are separated by backslashes."""
        text = self.plain(name)
        return tuple(word.strip() for word in text.split("\\")) if text else ()

    def text(self, name: str) -> str:
        """Return the text of an element, decoded with the declared character set.

        Unprintable characters are removed.
        """
        raw = self.raw(name).rstrip(b" \0")
        if raw.isascii() and b"\x1b" not in raw:
            return printable(raw.decode("ascii"))
        if self._charset and self._charset not in {("ISO_IR 6",), ("",)}:
            try:
                encodings = convert_encodings(list(self._charset))
                text = decode_bytes(raw, encodings, {ord(c) for c in "\\^=\n\r\t\f"})
                return printable(text.replace(_TO_CHINESE, ""))
            except Exception:  # noqa: BLE001 - unknown or misused character sets raise many types
                return printable(raw.decode("latin-1"))
        try:
            return printable(raw.decode("utf-8"))
        except UnicodeDecodeError:
            return printable(raw.decode("latin-1"))

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the numbers of an element; empty if one of them is not a number."""
        try:
            words = self.words(name)
            self.has_commas |= any("," in word for word in words)
            return tuple(_decimal(word) for word in words)
        except ValueError:
            return ()

    def level(self, name: str) -> str:
        """Return the text of an element, with numbers in normal form.

        The result is the same for "120" and "120.0"; text that is not a number is unchanged.
        """
        numbers = self.numbers(name)
        return "\\".join(f"{number:g}" for number in numbers) if numbers else self.plain(name)

    def number(self, name: str) -> float | None:
        """Return the first number of an element; None if there is none."""
        values = self.numbers(name)
        return values[0] if values else None

    def only(self, name: str) -> float | None:
        """Return the number of a single-valued element; None if there is no number or more than one."""
        values = self.numbers(name)
        return values[0] if len(values) == 1 else None

    def number_within(self, name: str, lowest: float, highest: float) -> float | None:
        """Return the first number of an element; None if it is absent or out of range."""
        value = self.number(name)
        return value if value is not None and lowest <= value <= highest else None

    def whole(self, name: str) -> int | None:
        """Return the first number of an element as an integer; None if it is absent or too large."""
        value = self.number(name)
        return int(value) if value is not None and abs(value) < _MOST_WHOLE else None

    def overlay_bits(self) -> int:
        """Return a bit mask of the pixel bits that are declared as overlays (PS3.3, C.9.2, retired)."""
        raw = [self._values[tag] for tag in _OVERLAY_POSITIONS if len(self._values.get(tag, b"")) >= 2]
        positions = [int(struct.unpack_from(self._order + "H", each)[0]) for each in raw]
        return sum(1 << position for position in set(positions) if 0 < position < 32)

    def binary(self, name: str, default: int = 0, *, code: str = "H") -> int:
        """Return a two-byte or four-byte integer; `code` is its format character in `struct`."""
        raw = self.raw(name)
        return int(struct.unpack_from(self._order + code, raw)[0]) if len(raw) >= struct.calcsize(code) else default


def _decimal(word: str) -> float:
    """Return the number of a Decimal String; raise ValueError for a number only in Python syntax, such as `1_0`."""
    if not _DECIMAL.fullmatch(word):
        raise ValueError("not a Decimal String")
    return float(word.replace(",", "."))


def printable(text: str) -> str:
    """Remove control and text-direction characters, which could make a text misleading on screen."""
    return "".join(character for character in text if character.isprintable()).strip()


_TIME = re.compile(r"(\d{2}):?(\d{2})(?::?(\d{2}(?:\.\d{0,6})?))?(?:[+-]\d{4})?")


def seconds_of(date: str, time: str) -> float | None:
    """Convert a DICOM date (YYYYMMDD) and time (HHMMSS.FFFFFF) to seconds; None if the time is invalid.

    A missing or invalid date counts as the earliest day.

    >>> seconds_of("", "101112.5"), seconds_of("", "10:11:12"), seconds_of("", "noon")
    (36672.5, 36672.0, None)
    >>> seconds_of("20200102", "000000") - seconds_of("20200101", "235959")
    1.0
    """
    found = _TIME.fullmatch(time)
    if found is None:
        return None
    day = datetime.strptime(date.replace(".", ""), "%Y%m%d").toordinal() if is_date(date) else 0
    return day * 86400 + int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0)


def is_date(text: str) -> bool:
    """Return whether a text is a valid date in DICOM format: YYYYMMDD, or YYYY.MM.DD as in ACR-NEMA.

    >>> is_date("20200229"), is_date("20190229"), is_date("2020-02-29")
    (True, False, False)
    """
    try:
        datetime.strptime(text.replace(".", ""), "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return len(text.replace(".", "")) == 8


def are_finite(values: Sequence[float], count: int) -> bool:
    """Return whether there are `count` numbers, all finite and within the range of lengths in CT."""
    return len(values) == count and all(abs(value) < MOST_MM for value in values)  # also False for NaN


def finite_numbers(values: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` numbers from a value that pydicom read; None if they are absent or not finite."""
    several = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
    try:
        numbers = tuple(_decimal(str(getattr(value, "original_string", value)).strip()) for value in several)
    except (TypeError, ValueError):
        return None
    return numbers if are_finite(numbers, count) else None


def file_window(width: float | None, level: float | None) -> tuple[float, float] | None:
    """Return the window width and level stored in a file, in HU; None if they are absent or unusable.

    The width of a linear window is at least 1 (PS3.3, C.11.2.1.2.1).
    """
    if width is None or level is None or width < 1 or not is_usable_window(width, level):
        return None
    return width, level


def unit_axes(values: Sequence[float]) -> tuple[float, float, float, float, float, float] | None:
    """Return unit vectors along a row and a column; None if they are not orthogonal."""
    if not are_finite(values, 6):
        return None
    row, column = values[:3], values[3:]
    row_length, column_length = math.hypot(*row), math.hypot(*column)
    if abs(row_length - 1) > 0.01 or abs(column_length - 1) > 0.01:
        return None
    if abs(sum(a * b for a, b in zip(row, column, strict=True))) > 0.01:
        return None
    r = [value / row_length for value in row]
    c = [value / column_length for value in column]
    return r[0], r[1], r[2], c[0], c[1], c[2]
