import contextlib
import threading
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.dicom.pixels import stored_values
from marview.dicom.read import middle_outward
from marview.errors import BadInput


def one(folder):
    (series,) = dicom.scan(folder).series
    return series


def test_slices_arrive_from_the_middle_outward_in_the_callers_memory(slices, save, hu_of):
    arrays, started, seen = [], [], []

    def allocate(shape, dtype):
        arrays.append(np.full(shape, 77, dtype))
        return arrays[0]

    loaded = dicom.read(one(save(slices)), allocate=allocate, on_start=started.append, on_slice=seen.append)
    assert loaded.volume.hu is arrays[0]
    assert started[0].volume.hu is arrays[0]
    assert started[0].volume.grid == loaded.volume.grid
    assert seen == middle_outward(5) == [2, 3, 1, 4, 0]
    assert [header.sop_uid for header in loaded.sources] == [dataset.SOPInstanceUID for dataset in slices]
    assert loaded.window_at(0) == (400, 40)


def test_reading_stops_when_cancelled(slices, save):
    seen = []
    with pytest.raises(dicom.Cancelled):
        dicom.read(one(save(slices)), on_slice=seen.append, is_cancelled=lambda: len(seen) == 2)
    assert len(seen) == 2


def test_reading_works_on_another_thread(slices, save):
    series, results = one(save(slices)), []
    thread = threading.Thread(target=lambda: results.append(dicom.read(series)))
    thread.start()
    thread.join()
    assert results[0].volume.hu.shape == (5, 8, 6)


def as_bits(dataset, stored, *, bits, signed=0, high=None, allocated=16):
    high = bits - 1 if high is None else high
    raw = (stored.astype(np.int64) & ((1 << bits) - 1)) << (high + 1 - bits)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, high
    dataset.PixelRepresentation = signed
    dataset.PixelData = raw.astype(f"<u{allocated // 8}").tobytes()


@pytest.mark.parametrize(
    ("bits", "signed", "high", "allocated"),
    [
        (12, 0, 11, 16),
        (12, 1, 11, 16),
        (16, 0, 15, 16),
        (16, 1, 15, 16),
        (10, 0, 13, 16),
        (8, 0, 7, 8),
        (12, 1, 15, 16),
    ],
)
def test_every_way_to_store_bits_gives_exact_hu(slices, save, bits, signed, high, allocated):
    low, end = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    stored = np.random.default_rng(1).integers(low, end, (8, 6))
    stored[0, :2] = low, end - 1
    for dataset in slices:
        as_bits(dataset, stored, bits=bits, signed=signed, high=high, allocated=allocated)
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], np.clip(stored - 1024, -32768, 32767))


def test_overlay_bits_above_the_image_are_left_out(slices, save, hu_of):
    expected = hu_of(slices[2])
    raw = np.frombuffer(slices[2].PixelData, "<u2") | 0x5000
    slices[2].PixelData = raw.astype("<u2").tobytes()
    np.testing.assert_array_equal(dicom.open_series(save(slices)).volume.hu[2], expected)


def test_each_slice_has_its_own_rescale(slices, save, hu_of):
    for z, dataset in enumerate(slices):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + 0.37 * z), str(-1024 + 11.5 * z)
    loaded = dicom.open_series(save(slices))
    for z, dataset in enumerate(slices):
        np.testing.assert_array_equal(loaded.volume.hu[z], np.rint(hu_of(dataset)))


def test_extended_hu_beyond_int16_are_clipped_and_named(slices, save):
    for dataset in slices:
        dataset.RescaleSlope = "10"
    loaded = dicom.open_series(save(slices))
    (finding,) = loaded.report.findings
    assert finding.kind == Kind.CLIPPED
    assert loaded.volume.hu.max() == 32767


def test_monochrome1_changes_the_display_not_the_hu(slices, save, hu_of):
    for dataset in slices:
        dataset.PhotometricInterpretation = "MONOCHROME1"
    np.testing.assert_array_equal(dicom.open_series(save(slices)).volume.hu[1], hu_of(slices[1]))


def test_padding_becomes_the_padding_hu_and_the_rest_stays_exact(slices, save):
    stored = np.arange(48).reshape(8, 6) - 2000
    stored[0] = -2000
    for dataset in slices:
        as_bits(dataset, stored, bits=16, signed=1)
        dataset.RescaleIntercept = "0"
        dataset.add_new(0x00280120, "SS", -2000)
    hu = dicom.open_series(save(slices)).volume.hu[0]
    assert (hu[0] == dicom.PADDING_HU).all()
    np.testing.assert_array_equal(hu[1:], stored[1:])


@pytest.mark.parametrize("is_planar", [False, True])
def test_colour_is_viewed_as_luminance(slices, save, is_planar):
    rgb = np.random.default_rng(2).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    for dataset in slices:
        as_bits(dataset, np.zeros((8, 6)), bits=8, allocated=8)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = (
            3,
            "RGB",
            int(is_planar),
        )
        dataset.PixelData = (rgb.transpose(2, 0, 1) if is_planar else rgb).tobytes()
    loaded = dicom.read(one(save(slices)))
    assert Kind.COLOUR in {finding.kind for finding in loaded.report.findings}
    luminance = np.rint(rgb @ [0.299, 0.587, 0.114])
    assert np.abs(loaded.volume.hu[0] - (luminance - 1024)).max() <= 1


@pytest.mark.parametrize("damage", ["empty", "truncated", "header"])
def test_one_bad_slice_is_named_and_the_rest_opens(slices, save, hu_of, damage):
    folder = save(slices)
    bad = folder / "002.dcm"
    data = bad.read_bytes()
    bad.write_bytes({"empty": b"", "truncated": data[:-30], "header": data[:600]}[damage])
    loaded = dicom.read(one(folder))
    assert loaded.gaps == (2,)
    assert "002.dcm" in " ".join(finding.sentence for finding in loaded.report.findings)
    assert loaded.report.is_volume
    assert loaded.report.question
    assert (loaded.volume.hu[2] == dicom.PADDING_HU).all()
    np.testing.assert_array_equal(loaded.volume.hu[3], hu_of(slices[3]))


def test_where_every_slice_is_bad_the_series_is_refused(slices, save):
    folder = save(slices)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadInput, match="truncated"):
        dicom.open_series(folder)


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


REFERENCE = "CTImage.dcm"
LOSSY_MEAN_HU = {".50": 30, ".51": 4, ".53": 4, ".55": 4, ".81": 1, ".91": 1}
SYNTAXES = [
    ".2",
    ".99",
    ".50",
    ".51",
    ".53",
    ".55",
    ".57",
    ".70",
    ".80",
    ".81",
    ".90",
    ".91",
    ".2.1",
    ".2.2",
    ".1.2",
    ".5",
]


@pytest.mark.parametrize("ending", SYNTAXES)
def test_every_transfer_syntax_gives_the_same_hu(shared_data, ending, capfd):
    folder = shared_data / "awkward_dicom" / "transfer_syntaxes"
    reference = dicom.open_series(folder / REFERENCE).volume.hu
    files = [path for path in folder.glob("CT*") if path.stem.endswith(ending)]
    if ending == ".2":
        files = [folder / REFERENCE]
    assert files
    for path in files:
        loaded = dicom.open_series(path)
        difference = np.abs(loaded.volume.hu.astype(int) - reference)
        assert difference.mean() <= LOSSY_MEAN_HU.get(ending, 0)
        is_lossy = ending in LOSSY_MEAN_HU
        assert (Kind.LOSSY in {finding.kind for finding in loaded.report.findings}) == is_lossy


def test_sixteen_syntaxes_are_all_tested(shared_data):
    files = list((shared_data / "awkward_dicom" / "transfer_syntaxes").glob("CT*"))
    assert len(files) == len(SYNTAXES) == 16


def test_real_jpeg_2000_without_uids_reads(shared_data):
    folder = shared_data / "awkward_dicom" / "no_extension"
    (first, *_) = sorted(folder.glob("CT.*"))
    loaded = dicom.open_series(first)
    assert loaded.volume.hu.min() >= -1024
    assert loaded.volume.hu.max() > 300


def test_real_wires_have_the_hu_their_description_says(shared_data):
    loaded = dicom.open_series(shared_data / "real_metal" / "sternal_wires")
    metal = np.flatnonzero((loaded.volume.hu > 2000).any(axis=(1, 2)))
    clipped = np.flatnonzero((loaded.volume.hu == 3071).any(axis=(1, 2)))
    assert (metal.min(), metal.max()) == (7, 32)
    assert (clipped.min(), clipped.max()) == (16, 28)


# -- hostile files: a refusal takes under 2 s and 500 MB ----------------------------------------------------------


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
    with pytest.raises(BadInput, match=r"\. (?:Copy|If you trust it)|; export it as single slices") as refusal:
        dicom.open_series(folder)
    assert str(refusal.value).count("Copy the files again") <= 1


def test_an_rle_bomb_is_refused(slices, save):
    dataset = slices[0]
    as_rle(dataset)
    dataset.Rows = dataset.Columns = 4000
    with pytest.raises(BadInput, match="cannot hold"):
        dicom.open_series(save([dataset]))


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
    with pytest.raises(BadInput, match="inflates to more"):
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


# -- remarks on pixels --------------------------------------------------------------------------------------------


def kinds_of(loaded):
    return {finding.kind for finding in loaded.report.findings}


def test_a_padding_value_inside_the_body_is_a_value_like_any_other(slices, save):
    stored = np.full((64, 64), 40)
    stored[60:] = -1000
    stored[10:50:4, 10:50:4] = 0
    stored[:2] = 0  # padding that reaches the border
    stored[30:40, 30:40] = 0
    for dataset in slices:
        as_bits(dataset, stored, bits=16, signed=1)
        dataset.Rows = dataset.Columns = 64
        dataset.RescaleIntercept = "0"
        dataset.add_new(0x00280120, "SS", 0)
    loaded = dicom.open_series(save(slices))
    assert (loaded.volume.hu[0, :2] == dicom.PADDING_HU).all()
    np.testing.assert_array_equal(loaded.volume.hu[0, 2:], stored[2:])
    (finding,) = loaded.report.findings
    assert finding.kind == Kind.PADDING
    assert finding.slices == (0, 1, 2, 3, 4)


def test_gas_at_the_lowest_value_is_no_finding_where_that_value_is_padding(slices, save):
    stored = np.full((32, 32), 1064)
    stored[:2] = stored[10:12, 10:14] = 0
    for dataset in slices:
        as_bits(dataset, stored, bits=12)
        dataset.Rows = dataset.Columns = 32
        dataset.add_new(0x00280120, "US", 0)
    loaded = dicom.open_series(save(slices))
    assert loaded.report.findings == ()
    assert (loaded.volume.hu[0, 10:12, 10:14] == -1024).all()


@pytest.mark.parametrize("signed", [0, 1])
def test_a_high_bit_that_contradicts_bits_stored_does_not_shift_the_values(slices, save, signed):
    stored = np.random.default_rng(5).integers(-500 if signed else 0, 2000, (8, 6))
    for dataset in slices:
        as_bits(dataset, stored, bits=12, signed=signed)
        dataset.HighBit = 15
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored - 1024)
    assert kinds_of(loaded) == {Kind.BITS}


@pytest.mark.parametrize("signed", [0, 1])
def test_metal_that_uses_more_bits_than_stated_does_not_wrap(slices, save, signed):
    stored = np.random.default_rng(5).integers(1050, 1080, (16, 16)) - (1024 if signed else 0)
    stored[:2] -= 1040
    stored[5:9, 5:9] += 8000
    for dataset in slices:
        as_bits(dataset, stored, bits=16, signed=signed)
        dataset.Rows = dataset.Columns = 16
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.RescaleIntercept = "0" if signed else "-1024"
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored + (0 if signed else -1024))
    assert kinds_of(loaded) == {Kind.BITS}


@pytest.mark.parametrize("is_declared", [True, False])
def test_an_overlay_drawn_in_the_spare_bits_is_left_out(slices, save, is_declared):
    stored = np.random.default_rng(5).integers(1050, 1080, (16, 16))
    stored[:2] -= 1040
    for dataset in slices:
        as_bits(dataset, stored, bits=12)
        dataset.Rows = dataset.Columns = 16
        raw = stored.copy()
        raw[3:12, 4:9] |= 0x1000
        dataset.PixelData = raw.astype("<u2").tobytes()
        if is_declared:
            dataset.add_new(0x60000100, "US", 16)
            dataset.add_new(0x60000102, "US", 12)
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored - 1024)
    findings = loaded.report.findings
    assert [(finding.kind, finding.slices) for finding in findings] == (
        [] if is_declared else [(Kind.BITS, (0, 1, 2, 3, 4))]
    )
    assert is_declared or "marview dropped them" in findings[0].sentence


@pytest.mark.parametrize("signed", [0, 1])
def test_metal_that_wraps_to_tissue_in_some_slices_is_read_alike_in_all(slices, save, signed):
    rng = np.random.default_rng(5)
    volume = rng.integers(1050, 1080, (5, 16, 16)) - (1024 if signed else 0)
    volume[:, :2] -= 1040
    volume[1:4, 5:9, 5:9] += 4096  # as smooth as tissue without its upper bits
    volume[2, 5:9, 5:9] += rng.integers(-400, 400, (4, 4))
    for dataset, stored in zip(slices, volume, strict=True):
        as_bits(dataset, stored, bits=16, signed=signed)
        dataset.Rows = dataset.Columns = 16
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.RescaleIntercept = "0" if signed else "-1024"
    seen = []
    (series,) = dicom.scan(save(slices)).series
    loaded = dicom.read(series, on_slice=seen.append)
    np.testing.assert_array_equal(loaded.volume.hu, volume + (0 if signed else -1024))
    assert [(finding.kind, finding.slices) for finding in loaded.report.findings] == [(Kind.BITS, (1, 2, 3))]
    assert seen[-2:] == [3, 1]
    for header, stored in zip(loaded.sources, volume, strict=True):
        np.testing.assert_array_equal(stored_values(header), stored)


def test_noise_that_differs_under_the_upper_bits_shows_that_they_belong_to_metal(slices, save):
    stored = np.random.default_rng(5).integers(1050, 1080, (16, 16))
    stored[:2] -= 1040
    stored[5:10, 5:10] = 4096 + 1065
    for dataset in slices:
        as_bits(dataset, stored, bits=16)
        dataset.Rows = dataset.Columns = 16
        dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(dicom.open_series(save(slices)).volume.hu[0], stored - 1024)


@pytest.mark.parametrize(("rows", "columns"), [(4, 6), (8, 3), (8, 5), (7, 6)])
def test_more_pixels_than_rows_and_columns_say_are_no_image(slices, save, rows, columns):
    slices[1].Rows, slices[1].Columns = rows, columns
    folder = save(slices[1:2])
    with pytest.raises(BadInput, match=r"000\.dcm holds 96 bytes of pixels where its"):
        dicom.open_series(folder)


def test_zeros_that_fill_the_pixel_data_up_are_no_fault(slices, save, hu_of):
    expected = hu_of(slices[0])
    slices[0].PixelData += b"\0" * 8
    loaded = dicom.open_series(save(slices[:1]))
    np.testing.assert_array_equal(loaded.volume.hu[0], expected)
    assert loaded.report.findings == ()


@pytest.mark.parametrize("ending", [".50", ".51", ".53", ".55", ".57", ".70"])
def test_a_warning_of_the_jpeg_decoder_marks_a_damaged_slice(shared_data, tmp_path, ending):
    (path,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob(f"*4{ending}.dcm")
    data = path.read_bytes()
    header = one(path).slices[0]
    sentences = []
    for at in np.linspace(header.pixel_offset + 600, len(data) - 400, 12).astype(int):
        (tmp_path / "bad.dcm").write_bytes(data[:at] + bytes(64) + data[at + 64 :])
        with contextlib.suppress(BadInput):
            dicom.open_series(tmp_path / "bad.dcm")
            continue
        with pytest.raises(BadInput) as refusal:
            dicom.open_series(tmp_path / "bad.dcm")
        sentences.append(str(refusal.value))
    assert len(sentences) >= 4
    assert any("its decoder met corrupt data" in sentence for sentence in sentences)


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


@pytest.mark.parametrize(
    ("width", "level"), [("inf", "40"), ("400", "nan"), ("1e30", "40"), ("400", "-1e300"), ("nan", "nan")]
)
def test_a_window_that_shows_nothing_is_no_window(slices, save, width, level):
    folder = save(slices)
    for path in folder.iterdir():
        data = path.read_bytes()
        for old, new in ((b"DS\x04\x00400 ", width), (b"DS\x02\x0040", level)):
            word = new.encode() + b" " * (len(new) % 2)
            data = data.replace(old, b"DS" + len(word).to_bytes(2, "little") + word)
        path.write_bytes(data)
    loaded = dicom.open_series(folder)
    assert loaded.volume.hu.shape == (5, 8, 6)
    assert loaded.window_at(0) is None


def test_numbers_out_of_range_are_numbers_that_are_not_there(slices, save):
    folder = save(slices)
    for path in folder.iterdir():
        data = path.read_bytes()
        at = data.index(b"\x18\x00\x50\x00DS")
        data = data[: at + 6] + (4).to_bytes(2, "little") + b"1e99" + data[at + 8 + data[at + 6] :]
        path.write_bytes(data)
    assert {header.thickness_mm for header in dicom.scan(folder).series[0].slices} == {None}
