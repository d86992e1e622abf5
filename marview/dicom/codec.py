"""Decode the stored values of a compressed slice."""

import math
import struct
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from marview.dicom.header import LARGEST_SLICE_PIXELS, SliceHeader
from marview.dicom.quiet import note_caught
from marview.dicom.remark import Remark
from marview.dicom.stderr import Heard, heard_on_stderr
from marview.errors import BadInput

Stored = NDArray[np.integer[Any]]
"""Stored values, before the rescale."""

RLE = "1.2.840.10008.1.2.5"
_PLUGINS = {
    RLE: "pylibjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # high-throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
_JPEG = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55, 57, 70))
"""Syntaxes read by GDCM, which also supports 12 bits and the retired processes (.53, .55), unlike pydicom."""

_TALKATIVE = _JPEG | {RLE}
"""Syntaxes whose codecs print to standard error: GDCM on 12 bits, the RLE codec when it panics on a damaged image."""

_COMPLAINTS = ("Corrupt JPEG data", "Premature end of JPEG", "Inconsistent progression", "Invalid SOS parameters")
"""Warnings of the JPEG library (its jerror.h) after which it continues with invented pixels."""

COMPRESSED = _JPEG | _PLUGINS.keys()
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55, 81, 91, 203))
"""Syntaxes with lossy compression; JPEG 2000 (.91) and HTJ2K (.203) may be lossless, which the file states."""

MOST_RLE_EXPANSION = 64
_WAVELET_SIZE, _WAVELET_SIGN = b"\xff\x4f\xff\x51", 42
"""Start of a JPEG 2000 stream, and the offset of the byte with sign and precision (ISO 15444-1, A.5.1)."""

_ITEM, _DELIMITER = 0xE000FFFE, 0xE0DDFFFE


def decode(header: SliceHeader, encapsulated: bytes) -> tuple[Stored, Remark]:
    """Decode a compressed slice to stored values, `[y, x]` or `[y, x, sample]`, and return remarks on them.

    Args:
        header: header of the slice.
        encapsulated: value of Pixel Data, starting with the basic offset table.

    Raises:
        BadInput: the frame is missing or damaged, or its size contradicts the header.
    """
    frame = _only_frame(header, encapsulated)
    _check_size(header, frame)
    try:
        with heard_on_stderr() if header.transfer_syntax in _TALKATIVE else nullcontext(Heard()) as heard:
            is_jpeg = header.transfer_syntax in _JPEG
            values = _with_gdcm(header, frame) if is_jpeg else _with_pydicom(header, encapsulated)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as why:  # noqa: BLE001 - every codec has its own exceptions, and a Rust panic is not an Exception
        note_caught(why, header.name)
        raise BadInput(f"{header.name} contains a damaged compressed image.") from None
    if any(complaint in heard.text for complaint in _COMPLAINTS):
        raise BadInput(f"{header.name} contains a damaged compressed image: its decoder found corrupt data.")
    return values, Remark.SIGN if _has_other_sign(header, frame, values) else Remark.NONE


def _has_other_sign(header: SliceHeader, frame: bytes, values: Stored) -> bool:
    """Return whether a JPEG 2000 stream contradicts Pixel Representation in a way that changes a value."""
    start = frame.find(_WAVELET_SIZE, 0, 4096)
    if start < 0 or len(frame) <= start + _WAVELET_SIGN:
        return False
    if bool(frame[start + _WAVELET_SIGN] & 0x80) == header.is_signed:
        return False
    sign = np.asarray(1 << (header.bits_stored - 1), f"u{values.dtype.itemsize}")
    return bool((values.astype(sign.dtype, copy=False) & sign).any())


def _only_frame(header: SliceHeader, encapsulated: bytes) -> bytes:
    """Return the codestream, after a check that all items are inside the file."""
    truncated = BadInput(f"{header.name} is truncated: its compressed image is incomplete.")
    at = 0
    while at + 8 <= len(encapsulated):
        tag, length = struct.unpack_from("<II", encapsulated, at)
        if tag == _DELIMITER:
            break
        if tag != _ITEM or at + 8 + length > len(encapsulated):
            raise truncated
        at += 8 + length
    try:
        return get_frame(encapsulated, 0, number_of_frames=1)
    except Exception as why:  # noqa: BLE001 - broken encapsulation raises many types
        note_caught(why, header.name)
        raise truncated from None


def _with_pydicom(header: SliceHeader, encapsulated: bytes) -> Stored:
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
    values, _ = get_decoder(UID(header.transfer_syntax)).as_array(
        encapsulated, index=0, raw=True, decoding_plugin=_PLUGINS[header.transfer_syntax], **options
    )
    return np.asarray(values)


def _with_gdcm(header: SliceHeader, frame: bytes) -> Stored:
    import gdcm

    if b"\xff\xd9" not in frame[-16:]:
        raise ValueError("no end of image")
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    encoded, decoded = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010)), gdcm.DataElement()
    encoded.SetValue(fragments.__ref__())
    codec = gdcm.JPEGCodec()
    codec.SetNumberOfDimensions(2)
    codec.SetDimensions((header.columns, header.rows, 1))
    codec.SetPixelFormat(
        gdcm.PixelFormat(
            header.samples, header.bits_allocated, header.bits_stored, header.bits_stored - 1, int(header.is_signed)
        )
    )
    named = gdcm.PhotometricInterpretation.GetPIType(header.photometric)
    codec.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(named))
    if not codec.Decode(encoded, decoded):
        raise ValueError("not decoded")
    # GDCM returns bytes as text.
    data = decoded.GetByteValue().GetBuffer().encode("utf-8", "surrogateescape")
    dtype = np.dtype(f"<{'i' if header.is_signed else 'u'}{header.bits_allocated // 8}")
    shape = (header.rows, header.columns) if header.samples == 1 else (header.rows, header.columns, header.samples)
    return np.frombuffer(data, dtype, math.prod(shape)).reshape(shape)


def _check_size(header: SliceHeader, frame: bytes) -> None:
    """Refuse a frame whose size contradicts the header, before a codec allocates memory for it."""
    if header.transfer_syntax == RLE:
        pixels = header.rows * header.columns * header.samples * header.bits_allocated // 8
        if pixels > MOST_RLE_EXPANSION * len(frame):
            raise BadInput(f"{header.name} is truncated: {len(frame)} bytes are too few for its compressed image.")
        return
    size = codestream_size(frame)
    if size is None:
        raise BadInput(f"{header.name} contains a damaged compressed image.")
    if size != (header.rows, header.columns):
        raise BadInput(
            f"{header.name} should have {header.rows} x {header.columns} pixels, but has {size[0]} x {size[1]}."
        )
    if size[0] * size[1] > LARGEST_SLICE_PIXELS:
        raise BadInput(f"{header.name} is larger than a CT slice can be.")


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Return the number of rows and columns in a JPEG, JPEG-LS or JPEG 2000 stream; None if not declared."""
    start = frame.find(_WAVELET_SIZE, 0, 4096)
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
