"""Helper functions for writing CT images: pixels, file format, and text that meets DICOM limits."""

import math
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from marview import __version__
from marview.dicom.header import CT_IMAGE
from marview.dicom.quiet import quiet

IMPLEMENTATION = UID("2.25.205886613478405377193961286217063893651")
"""Implementation Class UID (PS3.10, 7.1): one UUID for all of marview."""

MAKER = "marview"


def set_pixels(dataset: Dataset, stored: NDArray[np.int64], *, bits_stored: int, is_signed: bool) -> None:
    """Set the pixels of a dataset to stored values `[y, x]`, uncompressed with 16 bits allocated."""
    low, high = stored_range(bits_stored, is_signed=is_signed)
    if stored.min() < low or stored.max() > high:
        raise ValueError(f"stored values {stored.min()} to {stored.max()} do not fit {bits_stored} bits")
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = 16
    dataset.BitsStored = bits_stored
    dataset.HighBit = bits_stored - 1
    dataset.PixelRepresentation = int(is_signed)
    mask = (1 << bits_stored) - 1  # clears the bits above, which may hold overlays of the source
    raw = stored & mask if not is_signed else stored
    dataset.add_new(0x7FE00010, "OW", raw.astype("<i2" if is_signed else "<u2").tobytes())
    if "PlanarConfiguration" in dataset:
        del dataset.PlanarConfiguration


def stored_range(bits_stored: int, *, is_signed: bool) -> tuple[int, int]:
    """Return the lowest and highest stored value for a given number of bits."""
    return (-(1 << (bits_stored - 1)), (1 << (bits_stored - 1)) - 1) if is_signed else (0, (1 << bits_stored) - 1)


def to_bytes(dataset: Dataset) -> bytes:
    """Return a CT image as a DICOM file: explicit little endian, with preamble and file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CT_IMAGE)
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = f"MARVIEW_{__version__}"[:16]
    dataset.file_meta = meta
    stream = BytesIO()
    with quiet():
        dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def coded(value: str, scheme: str, meaning: str) -> DicomSequence:
    """Return a code sequence with a single code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return DicomSequence([item])


def decimal_text(value: float) -> str:
    """Return a number as a Decimal String of at most 16 characters (PS3.5, 6.2).

    >>> decimal_text(1.0), decimal_text(-1024.0), decimal_text(1 / 3)
    ('1', '-1024', '0.33333333333333')
    """
    if not math.isfinite(value):
        raise ValueError("a Decimal String must be finite")
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(f"{value} does not fit a Decimal String")


def later_number(number: int | None, more: int) -> int:
    """Return a series number plus an offset, or the offset if the sum is not a valid Integer String (PS3.5, 6.2).

    >>> later_number(3, 1000), later_number(2**31 - 5, 1000)
    (1003, 1000)
    """
    later = (number or 0) + more
    return later if -(2**31) <= later < 2**31 else more


def short_text(text: str, most: int) -> str:
    """Convert a text to printable ASCII without backslashes, and shorten it to at most `most` characters.

    These characters are valid in every character set.
    """
    plain = text.encode("ascii", "replace").decode("ascii").replace("\\", "/")
    plain = "".join(character if character.isprintable() else " " for character in plain).strip()
    return plain if len(plain) <= most else plain[: most - 3].rstrip() + "..."


def stamp() -> tuple[str, str]:
    """Return the current local date and time in DICOM format."""
    now = datetime.now(UTC).astimezone()
    return now.strftime("%Y%m%d"), now.strftime("%H%M%S.%f")
