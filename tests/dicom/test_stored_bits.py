"""Bits allocated, stored and high, overlays in spare bits, and padding values."""

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.dicom.pixels import stored_values
from tests.dicom.stored import as_bits


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


def kinds_of(loaded):
    return {finding.kind for finding in loaded.report.findings}


def pad_with_zero(slices, stored):
    """Give slices these HU and the padding value 0."""
    for dataset in slices:
        as_bits(dataset, stored, bits=16, signed=1)
        dataset.Rows, dataset.Columns = stored.shape
        dataset.RescaleIntercept = "0"
        dataset.add_new(0x00280120, "SS", 0)


def test_a_padding_value_inside_the_body_is_a_value_like_any_other(slices, save):
    stored = np.full((64, 64), 40)
    stored[60:] = -1000
    stored[10:50:4, 10:50:4] = 0
    stored[:2] = 0  # padding that reaches the border
    stored[30:40, 30:40] = 0
    pad_with_zero(slices, stored)
    loaded = dicom.open_series(save(slices))
    assert (loaded.volume.hu[0, :2] == dicom.PADDING_HU).all()
    np.testing.assert_array_equal(loaded.volume.hu[0, 2:], stored[2:])
    (finding,) = loaded.report.findings
    assert finding.kind == Kind.PADDING
    assert finding.slices == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("sides", ["one side", "two opposite sides"])
def test_a_body_with_the_padding_value_that_crosses_the_border_stays(slices, save, sides):
    stored = np.full((64, 64), -1000)
    stored[20:40, : 64 if sides == "two opposite sides" else 40] = 0
    pad_with_zero(slices, stored)
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored)
    assert [finding.kind for finding in loaded.report.findings] == [Kind.PADDING]


def test_a_padding_value_of_four_bytes_is_read_whole(slices, save):
    stored = np.full((32, 32), 0)
    stored[:4] = -(1 << 31)
    for dataset in slices:
        as_bits(dataset, stored, bits=32, signed=1, allocated=32)
        dataset.Rows = dataset.Columns = 32
        dataset.RescaleIntercept = "0"
        dataset.add_new(0x00280120, "SL", -(1 << 31))
    loaded = dicom.open_series(save(slices))
    assert (loaded.volume.hu[0, :4] == dicom.PADDING_HU).all()
    assert (loaded.volume.hu[0, 4:] == 0).all()


def test_gas_at_the_lowest_value_is_not_a_finding_where_that_value_is_padding(slices, save):
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


@pytest.mark.parametrize("above_tissue", [2600, 8000])
@pytest.mark.parametrize("signed", [0, 1])
def test_metal_that_uses_more_bits_than_stated_does_not_wrap(slices, save, signed, above_tissue):
    stored = np.random.default_rng(5).integers(1050, 1080, (16, 16)) - (1024 if signed else 0)
    stored[:2] -= 1040
    stored[5:9, 5:9] += above_tissue
    bits = 11 if above_tissue < 4096 and not signed else 12
    for dataset in slices:
        as_bits(dataset, stored, bits=16, signed=signed)
        dataset.Rows = dataset.Columns = 16
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        dataset.RescaleIntercept = "0" if signed else "-1024"
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored + (0 if signed else -1024))
    assert kinds_of(loaded) == {Kind.BITS}


@pytest.mark.parametrize("top", [2047, 4095])
def test_a_wavelet_stream_that_contradicts_the_sign_of_its_file_is_named_if_it_matters(slices, save, hu_of, top):
    for dataset in slices:
        stored = np.minimum(np.frombuffer(dataset.PixelData, "<u2"), top).reshape(8, 6)
        dataset.PixelData = np.tile(stored, (8, 8)).tobytes()
        dataset.Rows, dataset.Columns = 64, 48
    expected = [hu_of(dataset) for dataset in slices]
    for dataset in slices:
        dataset.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
        dataset.PixelRepresentation = 1
    loaded = dicom.open_series(save(slices))
    if top < 2048:
        np.testing.assert_array_equal(loaded.volume.hu, expected)
    assert (Kind.BITS in kinds_of(loaded)) == (top > 2047)


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
    assert is_declared or "marview ignored these bits" in findings[0].sentence


@pytest.mark.parametrize("signed", [0, 1])
def test_metal_that_wraps_to_tissue_in_some_slices_is_read_alike_in_all(slices, save, signed):
    rng = np.random.default_rng(5)
    volume = rng.integers(1050, 1080, (5, 16, 16)) - (1024 if signed else 0)
    volume[:, :2] -= 1040
    volume[1:4, 5:9, 5:9] += 4096  # without its upper bits, as smooth as tissue
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


@pytest.mark.parametrize("seed", range(6))
def test_an_overlay_that_crosses_the_edge_of_a_noisy_body_is_left_out(slices, save, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-32:32, -32:32]
    stored = np.where(np.hypot(y / 24, x / 28) < 1, 1064, 24) + (np.hypot(y / 24, x / 28) < 1) * rng.integers(
        -15, 16, (64, 64)
    )
    drawn = [np.abs(x - y) < 2, np.abs(np.hypot(y, x) - 20) < 0.7, (x > 5) & (y > 5)][seed % 3]
    for dataset in slices:
        as_bits(dataset, stored, bits=12)
        dataset.Rows = dataset.Columns = 64
        dataset.PixelData = np.where(drawn, stored | 0x1000, stored).astype("<u2").tobytes()
    loaded = dicom.open_series(save(slices))
    np.testing.assert_array_equal(loaded.volume.hu[0], stored - 1024)
    assert kinds_of(loaded) == {Kind.BITS}


def test_noise_that_differs_under_the_upper_bits_shows_that_they_belong_to_metal(slices, save):
    stored = np.random.default_rng(5).integers(1050, 1080, (16, 16))
    stored[:2] -= 1040
    stored[5:10, 5:10] = 4096 + 1065
    for dataset in slices:
        as_bits(dataset, stored, bits=16)
        dataset.Rows = dataset.Columns = 16
        dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(dicom.open_series(save(slices)).volume.hu[0], stored - 1024)
