"""Files made to waste memory or time are refused early, with a message."""

import contextlib
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.errors import BadInput
from tests.dicom.stored import one


def rle(stored):
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    high, low = (stored >> 8).astype(np.uint8), (stored & 255).astype(np.uint8)
    parts = []
    for plane in (high, low):
        row = b"".join(bytes([len(line) - 1]) + line.tobytes() for line in plane)
        parts.append(row + b"\0" * (len(row) % 2))
    offsets = [2, 64, 64 + len(parts[0])] + [0] * 13
    return encapsulate([np.array(offsets, "<u4").tobytes() + b"".join(parts)]), RLELossless


def as_rle(dataset):
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(8, 6)
    data, syntax = rle(stored)
    dataset.add_new(0x7FE00010, "OB", data)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax


def test_a_corrupt_compressed_slice_is_named_when_it_is_decoded(slices, save, hu_of):
    expected = hu_of(slices[1])
    for dataset in slices:
        as_rle(dataset)
    folder = save(slices)
    bad = folder / "002.dcm"
    data = bytearray(bad.read_bytes())
    at = data.index(b"\x02\x00\x00\x00\x40\x00\x00\x00")
    data[at + 64 : at + 80] = b"\x81" * 16
    bad.write_bytes(data)
    loaded = dicom.read(one(folder))
    assert loaded.gaps == (2,)
    (finding,) = loaded.report.findings
    assert finding.kind == Kind.DAMAGED
    assert "002.dcm" in finding.sentence
    np.testing.assert_array_equal(loaded.volume.hu[1], expected)


def with_element(data: bytes, element: bytes) -> bytes:
    """The file with an element inserted before its patient name."""
    at = data.index(b"\x10\x00\x10\x00PN")
    return data[:at] + element + data[at:]


def nested(depth: int) -> bytes:
    begin = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return begin * depth + end * depth


def nested_with_lengths(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
        inner = b"\x08\x00\x40\x11SQ\0\0" + len(item).to_bytes(4, "little") + item
    return inner


def hostile(data: bytes, kind: str) -> bytes:
    rows = data.index(b"\x28\x00\x10\x00US")
    pixels = data.index(b"\xe0\x7f\x10\x00OW")
    match kind:
        case "length past the end":
            return data[: pixels + 8] + (0x7FFFFFF0).to_bytes(4, "little") + data[pixels + 12 : pixels + 40]
        case "length past the end of a whole image":
            return data[: pixels + 8] + (0x7FFFFFF0).to_bytes(4, "little") + data[pixels + 12 :]
        case "header length past the end":
            return with_element(data, b"\x08\x00\x05\x40UT\0\0\xf0\xff\xff\x7f")
        case "nested":
            return with_element(data, nested(3000))
        case "nested with lengths":
            return with_element(data, nested_with_lengths(3000))
        case "never closed":
            return with_element(data, nested(3000)[: 3000 * 20])
        case "huge rows":
            return data[: rows + 8] + b"\xff\xff" + data[rows + 10 : rows + 18] + b"\xff\xff" + data[rows + 20 :]
        case "frames":
            frames = b"\x28\x00\x08\x00IS\x0a\x00999999999 "
            return data[:rows] + frames + data[rows:]
    raise AssertionError(kind)


KINDS = [
    "length past the end",
    "length past the end of a whole image",
    "header length past the end",
    "nested",
    "nested with lengths",
    "never closed",
    "huge rows",
    "frames",
]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_are_refused_soon_and_small(slices, save, tmp_path, kind):
    data = (save(slices[:1]) / "000.dcm").read_bytes()
    (tmp_path / "hostile.dcm").write_bytes(hostile(data, kind))
    tracemalloc.start()
    begin = time.monotonic()
    try:
        with pytest.raises(BadInput, match=r"hostile\.dcm"):
            dicom.open_series(tmp_path / "hostile.dcm")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begin < 2
    assert peak < 200e6


@pytest.mark.parametrize("kind", [*KINDS, "empty", "several empty", "slope", "syntax", "codestream", "zip bomb"])
def test_every_refusal_says_what_to_do(slices, save, tmp_path, kind):
    if kind == "slope":
        slices[0].RescaleSlope = "0"
    elif kind == "codestream":
        as_rle(slices[0])
        slices[0].Rows = slices[0].Columns = 4000
    folder = save(slices[:1])
    path = folder / "000.dcm"
    data = path.read_bytes()
    if kind in KINDS:
        path.write_bytes(hostile(data, kind))
    elif kind == "syntax":
        path.write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    elif kind in {"empty", "several empty"}:
        for number in range(1 if kind == "empty" else 3):
            (folder / f"{number:03d}.dcm").write_bytes(b"")
    elif kind == "zip bomb":
        folder = tmp_path / "bomb.zip"
        with zipfile.ZipFile(folder, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("zeros", b"\0" * (24 << 20))
    with pytest.raises(BadInput, match=r"\. (?:Copy|If you trust it)|; export them as single slices") as refusal:
        dicom.open_series(folder)
    assert str(refusal.value).count("Copy the files from their source again") <= 1


def test_an_rle_bomb_is_refused_by_its_header(slices, save):
    for dataset in slices:
        as_rle(dataset)
        dataset.Rows = dataset.Columns = 4000
    folder = save(slices)
    assert dicom.check(dicom.scan(folder).series[0]).stack is None, "no memory is allocated for the slices"
    with pytest.raises(BadInput, match="are too few for"):
        dicom.open_series(folder)


def test_a_codestream_larger_than_its_header_says_is_refused(shared_data, tmp_path):
    (path,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob("*4.90.dcm")
    data = bytearray(path.read_bytes())
    size = data.index(b"\xff\x4f\xff\x51") + 8
    data[size : size + 8] = b"\x00\x00\xf0\x00\x00\x00\xf0\x00"
    (tmp_path / "bomb.dcm").write_bytes(data)
    with pytest.raises(BadInput, match="61440 x 61440"):
        dicom.open_series(tmp_path / "bomb.dcm")


def test_a_deflate_bomb_is_refused(shared_data, tmp_path):
    import zlib

    (path,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob("*1.99.dcm")
    data = path.read_bytes()
    begin = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(b"\0" * (80 << 20)) + packer.flush()
    (tmp_path / "bomb.dcm").write_bytes(data[:begin] + bomb)
    start = time.monotonic()
    with pytest.raises(BadInput, match="decompresses to more"):
        dicom.open_series(tmp_path / "bomb.dcm")
    assert time.monotonic() - start < 3


def test_random_damage_never_escapes_as_anything_but_a_refusal(slices, save, tmp_path):
    rng = np.random.default_rng(11)
    data = (save(slices[:1]) / "000.dcm").read_bytes()
    for number in range(300):
        bad = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 12)):
            bad[at] = rng.integers(0, 256)
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(bad[: rng.integers(1, len(bad))] if number % 3 == 0 else bad)
        with contextlib.suppress(BadInput):
            dicom.open_series(path)


@pytest.mark.parametrize(("rows", "columns"), [(4, 6), (8, 3), (8, 5), (7, 6)])
def test_more_pixels_than_rows_and_columns_say_are_not_an_image(slices, save, rows, columns):
    slices[1].Rows, slices[1].Columns = rows, columns
    folder = save(slices[1:2])
    with pytest.raises(BadInput, match=r"000\.dcm contains 96 bytes of pixels, but "):
        dicom.open_series(folder)


def test_zeros_that_fill_the_pixel_data_up_are_not_a_fault(slices, save, hu_of):
    expected = hu_of(slices[0])
    slices[0].PixelData += b"\0" * 8
    loaded = dicom.open_series(save(slices[:1]))
    np.testing.assert_array_equal(loaded.volume.hu[0], expected)
    assert loaded.report.findings == ()


def test_a_deflated_slice_that_ends_at_an_odd_byte_is_damaged_and_the_rest_opens(slices, save):
    folder = save(slices)
    path = folder / "002.dcm"
    whole = path.read_bytes()
    end = 144 + int.from_bytes(whole[140:144], "little")
    uid = b"UI\x14\x001.2.840.10008.1.2.1\0"
    meta = whole[:end].replace(uid, b"UI\x16\x001.2.840.10008.1.2.1.99")
    meta = meta[:140] + (len(meta) - 144).to_bytes(4, "little") + meta[144:]
    packer = zlib.compressobj(wbits=-15)
    path.write_bytes(meta + packer.compress(whole[end:-3]) + packer.flush())
    loaded = dicom.open_series(folder)
    assert loaded.gaps == (2,)
    assert any("002.dcm is truncated" in finding.sentence for finding in loaded.report.findings)
