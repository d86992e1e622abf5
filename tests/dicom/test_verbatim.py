"""Texts of patient and study keep their bytes in derived series and masks, whatever the declared character set."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from marview import dicom
from marview.dicom.derive import write_derived_series
from marview.dicom.derived_attributes import Derivation
from marview.dicom.elements import find
from marview.dicom.header import opening
from marview.dicom.segmentation import write_segmentation

LATIN = "Müller^Anna".encode("latin-1")
KANJI = "ﾔﾏ=山田^太郎".encode("shift_jis")
JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
TEXTS = {
    "latin in utf-8": ("ISO_IR 192", LATIN),
    "latin without a set": ("", LATIN),
    "shift-jis in iso-ir 13": ("ISO_IR 13", KANJI),
    "japanese": ("\\ISO 2022 IR 87", JAPANESE),
    "an unknown set": ("ISO_IR 999", LATIN),
    "two encodings": ("ISO_IR 100\\ISO_IR 192", LATIN),
}
KEYWORDS = ("PatientName", "PatientComments", "InstitutionName", "StudyDescription")
NESTED = Tag(0x00400275)  # request attributes, with a description in them


def text_in(path: Path, keyword: str) -> bytes:
    data, tag = path.read_bytes(), int(Tag(keyword))
    return find(data, opening(data)[1], {tag}, is_explicit=True).values.get(tag, b"").rstrip()


def placed(dataset: Dataset, charset: str, text: bytes, syntax: str) -> bytes:
    """A file whose text has these bytes, written with a placeholder of the same length."""
    text += b" " * (len(text) % 2)
    stand_in = "A" * len(text)
    for keyword in KEYWORDS:
        setattr(dataset, keyword, stand_in)
    item = Dataset()
    item.RequestedProcedureDescription = stand_in
    dataset.add_new(NESTED, "SQ", [item])
    dataset.SpecificCharacterSet = "ISO_IR 6"
    dataset.file_meta.TransferSyntaxUID = syntax
    if charset:
        value = charset.encode() + b" " * (len(charset) % 2)
        raw = RawDataElement(Tag(0x00080005), "CS", len(value), value, 0, False, True)
        dataset._dict[Tag(0x00080005)] = raw
    else:
        del dataset.SpecificCharacterSet
    stream = BytesIO()
    if syntax == DeflatedExplicitVRLittleEndian:
        import zlib

        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
        data = stream.getvalue().replace(stand_in.encode(), text)
        end = 132 + 12 + int.from_bytes(data[140:144], "little")
        head = data[:end].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
        grown = len(head) - end
        head = head.replace(data[140:144], (int.from_bytes(data[140:144], "little") + grown).to_bytes(4, "little"), 1)
        at = head.index(b"1.2.840.10008.1.2.1.99") - 2
        head = head[:at] + (22).to_bytes(2, "little") + head[at + 2 :]
        packer = zlib.compressobj(wbits=-15)
        return head + packer.compress(data[end:]) + packer.flush()
    if syntax == ExplicitVRBigEndian:
        stored = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = stored.astype(">u2").tobytes()
    pydicom.dcmwrite(
        stream,
        dataset,
        enforce_file_format=True,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return stream.getvalue().replace(stand_in.encode(), text)


@pytest.fixture(params=list(TEXTS))
def text(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    return TEXTS[request.param]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda one: one.name)
@pytest.mark.filterwarnings("ignore")
def test_bytes_of_text_are_copied(slices: list[Dataset], tmp_path: Path, text: tuple[str, bytes], syntax: str) -> None:
    charset, value = text
    folder = tmp_path / "source"
    folder.mkdir()
    for z, dataset in enumerate(slices):
        (folder / f"{z}.dcm").write_bytes(placed(dataset, charset, value, syntax))
    loaded = dicom.read(dicom.scan(folder).series[0])
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    derived = write_derived_series(loaded, correction, Derivation("m", "1", "", ""), tmp_path / "derived")
    mask = loaded.volume.hu > 0
    segmentation = write_segmentation(tmp_path / "mask.dcm", mask, loaded)
    for path in (*derived.files, segmentation):
        assert text_in(path, "SpecificCharacterSet") == charset.encode()
        for keyword in KEYWORDS:
            assert text_in(path, keyword) == value.rstrip(), (path.name, keyword)
    item = pydicom.dcmread(derived.files[0])[NESTED].value[0]
    assert item.get_item("RequestedProcedureDescription").value.rstrip() == value.rstrip()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", b"U "),
        ("PatientBirthDate", b"1950-01-02"),
        ("PatientBirthDate", b"00000000"),
        ("PatientBirthDate", b"Amadeus "),
        ("StudyTime", b"10:11:12"),
        ("StudyTime", b"101112.1234567"),
        ("SliceThickness", b"3,0 "),
        ("SpecificCharacterSet", b"ISO_IR 6"),
        ("SpecificCharacterSet", b""),
        ("SpecificCharacterSet", b"\\ISO 2022 IR 149"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_text_of_a_header_hinders_no_mask(
    slices: list[Dataset], save: Callable[..., Path], tmp_path: Path, keyword: str, value: bytes
) -> None:
    for dataset in slices:
        tag = Tag(keyword)
        dataset._dict[tag] = RawDataElement(tag, dataset[tag].VR, len(value), value, 0, False, True)
        dataset["PixelData"].VR = "OW"
        dataset.set_original_encoding(False, True, dataset._character_set)
    loaded = dicom.read(dicom.scan(save(slices)).series[0])
    path = write_segmentation(tmp_path / "mask.dcm", loaded.volume.hu > 0, loaded)
    if keyword != "SliceThickness":
        assert text_in(path, keyword) == value.rstrip()
