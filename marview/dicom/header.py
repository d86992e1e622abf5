"""The header of a slice, read without its pixels and without trusting declared lengths."""

import struct
import zlib
from dataclasses import dataclass, field, replace

from marview.dicom.elements import Elements, TooDeep, find
from marview.dicom.source import Source
from marview.dicom.values import LEAST_MM, MOST_MM, WANTED, Values, are_finite, file_window, seconds_of, unit_axes
from marview.errors import BadInput

HEAD_BYTES = 1 << 14
"""Bytes read first; nearly all CT headers are shorter."""

LARGEST_HEADER_BYTES = 64 << 20
LARGEST_INFLATED_BYTES = 64 << 20
LARGEST_SLICE_PIXELS = 4096 * 4096

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DICOMDIR = "1.2.840.10008.1.3.10"

_PHASES = ("temporal", "cardiac_phase", "trigger_time", "echo_time", "kernel", "tube_voltage", "acquisition")
_SETTINGS = (
    *("tube_current", "exposure", "filter", "field_of_view", "scan_options", "contrast_agent", "protocol"),
    *("series_description", "series_time", "exposure_time", "table_height", "algorithm", "patient_position"),
    *("focal_spot", "collection_diameter", "rotation_time", "collimation", "pitch"),
)
_DATES = ("study_date", "series_date", "acquisition_date", "content_date")
_MEDIA_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """The header of one slice; unusable values are replaced by empty text, None or 0.

    Attributes:
        source: file of the slice.
        position_mm: centre of the first pixel in LPS coordinates.
        orientation: unit vectors in LPS along a row, then along a column; None if the stored vectors are
            not orthogonal unit vectors.
        spacing_mm: distance between rows (y), then between columns (x).
        pixel_offset: start of the pixel data in the file, or in the inflated data set of the deflated syntax; None if
            the file ends before it.
        pixel_length: declared length of the pixel data, or of a frame, in bytes; -1 if encapsulated.
        phase: values that distinguish images at the same position (temporal position, acquisition, trigger,
            kernel, ...).
        settings: scan settings that usually stay constant or change gradually from slice to slice.
        acquired_s: date and time of the acquisition in seconds, comparable within a series; None if unknown.
        dates: dates by name, as stored in the file.
        overlay_bits: bit mask of the pixel bits that are declared as overlays.
        is_cut: whether the file ends within an element of the header.
        frame: number of the frame in its file, from 1; 0 for a file with one image.
        has_odd_sign: whether Pixel Representation is neither 0 (unsigned) nor 1 (signed).
        has_float_pixels: whether the image is Float Pixel Data, which marview does not read.
        has_commas: whether numbers are written with a decimal comma.
        concatenation: UID of an Enhanced CT object that is split into several files, the number of this
            file, and the number of files (0 if unknown).
        slope: rescale slope; None if absent. NaN and 0 are kept as in the file.
        uses_spare_bits: whether bits above Bits Stored belong to the values, as found in other slices of the
            series.
    """

    source: Source
    transfer_syntax: str = ""
    sop_class: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)
    body_part: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    derivation: str = field(default="", repr=False)
    series_number: int | None = None
    instance: int | None = None
    phase: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    acquired_s: float | None = field(default=None, repr=False)
    dates: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    thickness_mm: float | None = None
    tilt_degrees: float | None = None
    position_mm: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    rows: int = 0
    columns: int = 0
    samples: int = 1
    is_planar: bool = False
    frames: int = 1
    photometric: str = ""
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    overlay_bits: int = 0
    is_signed: bool = False
    has_odd_sign: bool = False
    is_little_endian: bool = True
    padding: tuple[int, int] | None = None
    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    window: tuple[float, float] | None = None
    is_lossy: bool = False
    pixel_offset: int | None = None
    pixel_length: int = 0
    is_cut: bool = False
    frame: int = 0
    concatenation: tuple[str, int, int] | None = None
    has_float_pixels: bool = False
    has_commas: bool = False
    uses_spare_bits: bool = False

    @property
    def is_scout(self) -> bool:
        """Return whether the image is a localizer."""
        return any(value in {"LOCALIZER", "SCOUT", "TOPOGRAM"} for value in self.image_type)

    @property
    def name(self) -> str:
        """Name of the slice for use in messages."""
        return f"{self.source.name} frame {self.frame}" if self.frame else self.source.name

    @property
    def own_uid(self) -> str:
        """Return the SOP Instance UID with the frame number; empty if the file has none."""
        return f"{self.sop_uid}#{self.frame}" if self.frame and self.sop_uid else self.sop_uid


def read_header(source: Source) -> SliceHeader:
    """Read the header of a DICOM file, without its pixels.

    Raises:
        BadInput: the header of a DICOM file cannot be read.
        NotDicom: the file is not DICOM.
    """
    head = source.head(HEAD_BYTES)
    if not looks_like_dicom(head):
        raise NotDicom(f"{source.name} is not a DICOM file.")
    if source.size <= len(head):
        return _parse(source, head)
    header = _parse(source, head)
    return header if header.pixel_offset is not None else _parse(source, source.head(LARGEST_HEADER_BYTES))


class NotDicom(BadInput):
    """The file is not DICOM."""


def is_directory_file(source: Source) -> bool:
    """Return whether a file is a DICOMDIR."""
    head = source.head(1024)
    return head[128:132] == b"DICM" and opening(head)[2] == DICOMDIR


def looks_like_dicom(head: bytes) -> bool:
    """Return whether bytes look like the start of a DICOM file.

    They must start with a preamble, or with an element of group 2 or 8 in either byte order.
    """
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    group, element = struct.unpack_from("<HH", head)
    if head[0] == 0:
        group, element = struct.unpack_from(">HH", head)
    return group in {2, 8} and element <= 0x0100


def inflate(data: bytes, begin: int, name: str) -> bytes:
    """Decompress the data set of a file in the deflated transfer syntax, starting at `begin`.

    Raises:
        BadInput: the stream is damaged, or larger than a slice can be.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(data[begin:], LARGEST_INFLATED_BYTES)
    except zlib.error:
        raise BadInput(f"{name} is deflated and damaged, so it cannot be read.") from None
    if stream.unconsumed_tail:
        raise BadInput(f"{name} decompresses to more data than a slice can contain, so marview does not read it.")
    return inflated


def _parse(source: Source, data: bytes) -> SliceHeader:
    try:
        syntax, begin, media_class = opening(data)
        is_little_endian = syntax != BIG_ENDIAN
        if syntax == DEFLATED:
            data, begin = inflate(source.head(LARGEST_HEADER_BYTES), begin, source.name), 0
        elements = find(data, begin, WANTED, is_explicit=_is_explicit(data, begin), is_little_endian=is_little_endian)
    except TooDeep:
        raise BadInput(f"{source.name} nests its sequences too deeply, so marview does not read it.") from None
    header = _collect(source, syntax, elements)
    if not header.sop_class:
        header = replace(header, sop_class=media_class)
    return replace(header, is_cut=elements.end > len(data)) if elements.end > len(data) else header


def opening(data: bytes) -> tuple[str, int, str]:
    """Return the transfer syntax of a file, the start of its data set, and its media storage SOP class.

    If the file does not state its transfer syntax, the syntax is guessed.
    """
    start = 132 if data[128:132] == b"DICM" else 0
    syntax = sop_class = ""
    if data[start : start + 2] == b"\x02\x00":
        meta = find(data, start, {_TRANSFER_SYNTAX, _MEDIA_CLASS}, is_explicit=True, stop_after_group=2)
        syntax, sop_class = (
            meta.values.get(tag, b"").decode("latin-1").strip("\0 ") for tag in (_TRANSFER_SYNTAX, _MEDIA_CLASS)
        )
        start = meta.end
    if not syntax and data[start : start + 1] == b"\0":
        syntax = BIG_ENDIAN
    return syntax or (EXPLICIT if _is_explicit(data, start) else IMPLICIT), start, sop_class


def _is_explicit(data: bytes, begin: int) -> bool:
    """Return whether the first element has an explicit VR, because some files' meta information is wrong."""
    kind = data[begin + 4 : begin + 6]
    return kind.isalpha() and kind.isupper()


def _collect(source: Source, syntax: str, elements: Elements) -> SliceHeader:
    is_little = syntax != BIG_ENDIAN
    values = Values(elements.values, is_little_endian=is_little)
    is_signed = values.binary("signed") == 1
    bits_allocated = values.binary("bits_allocated", 16)
    bits_stored = values.binary("bits_stored", bits_allocated)
    position = values.numbers("position")
    spacing = values.numbers("spacing")
    width, level = values.number("width"), values.number("level")
    header = SliceHeader(
        source=source,
        transfer_syntax=syntax,
        sop_class=values.plain("sop_class"),
        sop_uid=values.plain("sop_uid"),
        study_uid=values.plain("study_uid"),
        series_uid=values.plain("series_uid"),
        frame_of_reference_uid=values.plain("frame_of_reference_uid"),
        patient_name=values.text("patient_name"),
        patient_id=values.text("patient_id"),
        study_date=values.plain("study_date"),
        study_description=values.text("study_description"),
        series_description=values.text("series_description"),
        body_part=values.text("body_part"),
        modality=values.plain("modality").upper(),
        derivation=values.text("derivation"),
        image_type=tuple(word.upper() for word in values.words("image_type")),
        series_number=values.whole("series_number"),
        instance=values.whole("instance"),
        phase=tuple((name, values.level(name)) for name in _PHASES),
        settings=tuple((name, values.plain(name)) for name in _SETTINGS),
        acquired_s=seconds_of(
            values.plain("acquisition_date") or values.plain("acquisition_date_time")[:8],
            values.plain("acquisition_time") or values.plain("acquisition_date_time")[8:],
        ),
        dates=tuple((name, values.plain(name)) for name in _DATES),
        thickness_mm=values.number_within("thickness", 0, MOST_MM),
        tilt_degrees=values.number_within("tilt", -90, 90),
        position_mm=(position[0], position[1], position[2]) if are_finite(position, 3) else None,
        orientation=unit_axes(values.numbers("orientation")),
        spacing_mm=(spacing[0], spacing[1]) if are_finite(spacing, 2) and min(spacing) > LEAST_MM else None,
        rows=values.binary("rows"),
        columns=values.binary("columns"),
        samples=values.binary("samples", 1),
        is_planar=values.binary("planar") == 1,
        frames=max(values.whole("frames") or 1, 1),
        photometric=values.plain("photometric"),
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=values.binary("high_bit", bits_stored - 1),
        overlay_bits=values.overlay_bits(),
        is_signed=is_signed,
        has_odd_sign=values.binary("signed") not in {0, 1},
        is_little_endian=is_little,
        slope=values.only("slope"),
        intercept=values.only("intercept"),
        rescale_type=values.plain("rescale_type").upper(),
        window=file_window(width, level),
        is_lossy=values.plain("lossy") == "01",
        pixel_offset=elements.pixel_offset,
        pixel_length=elements.pixel_length,
        has_float_pixels=elements.has_float_pixels,
    )
    header = replace(header, has_commas=values.has_commas)
    if values.raw("padding"):
        code = "i" if len(values.raw("padding")) == 4 else "h"  # four bytes in some files of 32 bits
        code = code if is_signed else code.upper()
        first = values.binary("padding", code=code)
        last = values.binary("padding_limit", first, code=code)
        header = replace(header, padding=(min(first, last), max(first, last)))
    return header
