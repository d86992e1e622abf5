"""Decode the stored values of one compressed slice."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from marview.dicom.header import LARGEST_SLICE_PIXELS, SliceHeader
from marview.errors import BadInput

Stored = NDArray[np.integer[Any]]
"""Stored values, before the rescale."""

_PLUGINS = {
    "1.2.840.10008.1.2.5": "pylibjpeg",  # RLE
    "1.2.840.10008.1.2.4.50": "gdcm",  # JPEG baseline
    "1.2.840.10008.1.2.4.51": "gdcm",  # JPEG extended
    "1.2.840.10008.1.2.4.53": "gdcm",  # JPEG spectral selection, retired
    "1.2.840.10008.1.2.4.55": "gdcm",  # JPEG full progression, retired
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # high-throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
COMPRESSED = frozenset(_PLUGINS)
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55, 81, 91, 203))
"""Syntaxes that may have lost something: JPEG 2000 (.91) and HTJ2K (.203) may also be lossless; the file then says."""

_RETIRED = {"1.2.840.10008.1.2.4.53": "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.55": "1.2.840.10008.1.2.4.51"}
"""Other orders of the same coefficients, which the decoder of .51 reads as well."""

_MOST_RLE_EXPANSION = 64


def decode(header: SliceHeader, encapsulated: bytes) -> Stored:
    """Stored values of a compressed slice, `[y, x]` or `[y, x, sample]`.

    Args:
        header: of the slice.
        encapsulated: the value of its Pixel Data, from the basic offset table on.

    Raises:
        BadInput: the frame is missing, damaged, or of another size than the header says.
    """
    try:
        frame = get_frame(encapsulated, 0, number_of_frames=1)
    except Exception:  # noqa: BLE001 - broken encapsulation raises all sorts
        raise BadInput(f"{header.name} is truncated or damaged: its compressed image cannot be found.") from None
    _check_size(header, frame)
    syntax = UID(_RETIRED.get(header.transfer_syntax, header.transfer_syntax))
    options: Any = {
        "rows": header.rows,
        "columns": header.columns,
        "number_of_frames": 1,
        "samples_per_pixel": header.samples,
        "bits_allocated": header.bits_allocated,
        "bits_stored": header.bits_stored,
        "pixel_representation": int(header.is_signed),
        "photometric_interpretation": header.photometric,
        "planar_configuration": 0,
        "pixel_keyword": "PixelData",
    }
    try:
        values, _ = get_decoder(syntax).as_array(
            encapsulated, index=0, raw=True, decoding_plugin=_PLUGINS[header.transfer_syntax], **options
        )
    except Exception:  # noqa: BLE001 - every codec has its own exceptions
        raise BadInput(f"{header.name} holds a damaged compressed image.") from None
    return np.asarray(values)


def _check_size(header: SliceHeader, frame: bytes) -> None:
    """Refuse a frame that would unpack to something else than the header says, before a codec allocates it."""
    if header.transfer_syntax == "1.2.840.10008.1.2.5":
        pixels = header.rows * header.columns * header.samples * header.bits_allocated // 8
        if pixels > _MOST_RLE_EXPANSION * len(frame):
            raise BadInput(f"{header.name} is truncated: {len(frame)} bytes cannot hold its compressed image.")
        return
    size = codestream_size(frame)
    if size is None:
        raise BadInput(f"{header.name} holds a damaged compressed image.")
    if size != (header.rows, header.columns):
        raise BadInput(
            f"{header.name} says {header.rows} x {header.columns} pixels and holds an image of {size[0]} x {size[1]}."
        )
    if size[0] * size[1] > LARGEST_SLICE_PIXELS:
        raise BadInput(f"{header.name} is larger than a CT slice can be.")


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream announces; None where it announces none."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start >= 0 and len(frame) >= start + 24:
        right, bottom, left, top = struct.unpack_from(">IIII", frame, start + 8)
        return bottom - top, right - left
    at = 2 if frame[:2] == b"\xff\xd8" else len(frame)
    while at + 9 <= len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return rows, columns
        at += 2 + int(struct.unpack_from(">H", frame, at + 2)[0])
    return None
