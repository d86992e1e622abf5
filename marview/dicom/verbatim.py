"""Copy text values from a source byte by byte, regardless of their actual and declared character sets.

If the bytes of a value do not match its declared character set, decoding and encoding change the value, and an archive
may file the image under another patient.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag, Tag

from marview.dicom.atomic import whole_file
from marview.dicom.cannot_write import CannotWrite
from marview.dicom.elements import find
from marview.dicom.header import opening

_TEXT = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
_CHARACTER_SET = Tag(0x00080005)
_STUDY = frozenset(
    Tag(tag)
    for tag in (
        0x00080020,  # study date
        0x00080030,  # study time
        0x00080050,  # accession number
        0x00080080,  # institution's name
        0x00080081,  # institution's address
        0x00080090,  # referring physician's name
        0x00081010,  # station's name
        0x00081030,  # study description
        0x00081048,  # physicians of record
        0x00081060,  # names of physicians who read the study
        0x0020000D,  # study UID
        0x00200010,  # study ID
    )
)
_EXPLICIT_LITTLE_ENDIAN = (False, True)


def keep_text(dataset: Dataset) -> None:
    """Preserve the bytes of all text values, at every nesting level, for writing as explicit little endian.

    pydicom preserves these bytes only if the source is already in explicit little endian; otherwise, it
    decodes and re-encodes the text.
    """
    is_implicit, is_little_endian = dataset.original_encoding
    if (is_implicit, is_little_endian) == _EXPLICIT_LITTLE_ENDIAN or is_little_endian is None:
        return
    texts = {tag: raw for tag in dataset.keys() if (raw := _raw_text(dataset, tag)) is not None}  # noqa: SIM118
    correct_ambiguous_vr(dataset, is_little_endian=is_little_endian)
    for element in list(dataset):
        if element.VR == "SQ":
            for item in element.value or ():
                keep_text(item)
    put_text(dataset, texts)


def identity_of(dataset: Dataset) -> dict[BaseTag, RawDataElement]:
    """Return, undecoded, the text values of a source that identify the patient and the study."""
    tags = (tag for tag in dataset.keys() if tag == _CHARACTER_SET or tag in _STUDY or tag.group == 0x0010)  # noqa: SIM118
    return {tag: raw for tag in tags if (raw := _raw_text(dataset, tag)) is not None}


def put_text(dataset: Dataset, texts: Mapping[BaseTag, RawDataElement]) -> None:
    """Insert text values into a data set so that their bytes are written unchanged."""
    for tag, raw in texts.items():
        dataset._dict[tag] = raw  # noqa: SLF001 - assigning it would decode it
    encodings = dataset._character_set  # noqa: SLF001
    dataset.set_original_encoding(*_EXPLICIT_LITTLE_ENDIAN, encodings)


def is_verbatim(written: bytes, begin: int, texts: Mapping[BaseTag, RawDataElement]) -> bool:
    """Return whether a file in explicit little endian contains the text values unchanged.

    The data set of the file starts at `begin`.
    """
    found = find(written, begin, {int(tag) for tag in texts}, is_explicit=True).values
    return all(_bare(found.get(int(tag), b"")) == _bare(raw.value or b"") for tag, raw in texts.items())


def _bare(value: bytes) -> bytes:
    return value.rstrip(b" \0")


def _raw_text(dataset: Dataset, tag: BaseTag) -> RawDataElement | None:
    """Return an undecoded element as explicit little endian; None if it is not text."""
    raw: Any = dataset.get_item(tag)
    if not isinstance(raw, RawDataElement):
        if tag != _CHARACTER_SET or raw is None:
            return None
        said = raw.value or ""  # pydicom decodes the character set with the first text
        value = (said if isinstance(said, str) else "\\".join(map(str, said))).encode("latin-1", "replace")
        raw = RawDataElement(tag, "CS", len(value), value, 0, is_implicit_VR=False, is_little_endian=True)
    kind = raw.VR
    if kind is None:
        try:
            kind = dictionary_VR(tag)
        except KeyError:
            return None
    if kind not in _TEXT:
        return None
    value = raw.value or b""
    value += (b"\0" if kind == "UI" else b" ") * (len(value) % 2)
    return RawDataElement(tag, kind, len(value), value, 0, is_implicit_VR=False, is_little_endian=True)


def write_with_identity(dataset: Dataset, path: Path, identity: Mapping[BaseTag, RawDataElement]) -> None:
    """Write a new DICOM object with the identifying text values of its source, and verify them.

    The values are verified by reading the file back.

    Args:
        dataset: object to which the text values are added.
        path: output file; if writing fails, the file is removed.
        identity: text values of the source, from `identity_of`.

    Raises:
        CannotWrite: the disk is full or read-only, or the text values differ when read back.
    """
    correct_ambiguous_vr(dataset, is_little_endian=True)
    dataset.pop("SpecificCharacterSet", None)
    put_text(dataset, identity)
    with whole_file(path) as part:
        dataset.save_as(part)
        data = part.read_bytes()
        if not is_verbatim(data, opening(data)[1], identity):
            raise CannotWrite(f"{path} was not written correctly. No partial files remain; try another disk.")
