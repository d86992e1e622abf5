"""Reading a series: order, rescale, padding, colour, bad slices."""

import threading

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.dicom.read import middle_outward
from marview.errors import BadInput
from tests.dicom.stored import as_bits, one


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


def test_real_wires_have_the_hu_their_description_says(shared_data):
    loaded = dicom.open_series(shared_data / "real_metal" / "sternal_wires")
    metal = np.flatnonzero((loaded.volume.hu > 2000).any(axis=(1, 2)))
    clipped = np.flatnonzero((loaded.volume.hu == 3071).any(axis=(1, 2)))
    assert (metal.min(), metal.max()) == (7, 32)
    assert (clipped.min(), clipped.max()) == (16, 28)


@pytest.mark.parametrize(
    ("width", "level"),
    [("inf", "40"), ("400", "nan"), ("1e30", "40"), ("400", "-1e300"), ("nan", "nan"), ("1e-300", "0"), ("1_0", "0")],
)
def test_a_window_that_shows_nothing_is_not_a_window(slices, save, width, level):
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
