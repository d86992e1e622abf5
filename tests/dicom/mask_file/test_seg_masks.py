"""Masks in DICOM segmentations."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from marview import dicom, export
from marview.dicom.mask_file import read_mask
from marview.errors import BadInput
from marview.geometry import Grid
from tests.dicom.mask_file.cases import sources_of, write_seg, write_series


def test_dicom_that_is_not_a_usable_segmentation_is_refused(series, mask, tmp_path) -> None:
    image = series.sources[0].source.path
    with pytest.raises(BadInput, match="is DICOM but not a segmentation"):
        read_mask(image, series)
    whole = dcmread(export.write_mask(tmp_path / "m.dcm", mask, series))

    def bent(name: str, **values) -> Path:
        dataset = dcmread(BytesIO((tmp_path / "m.dcm").read_bytes()))
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / name)
        return tmp_path / name

    assert whole.NumberOfFrames == 3
    for path, said in (
        (bent("many.dcm", NumberOfFrames=2_000_000_000), "declares 2000000000 frames"),
        (bent("few.dcm", NumberOfFrames=2), "damaged or incomplete"),
        (bent("cut.dcm", PixelData=whole.PixelData[:4]), "is truncated"),
        (bent("bare.dcm", PerFrameFunctionalGroupsSequence=None), "damaged or incomplete"),
    ):
        with pytest.raises(BadInput, match=said):
            read_mask(path, series)
    (tmp_path / "half.dcm").write_bytes((tmp_path / "m.dcm").read_bytes()[:900])
    with pytest.raises(BadInput, match=r"half\.dcm"):
        read_mask(tmp_path / "half.dcm", series)


@pytest.mark.parametrize("most", [1, 2, 100, 127, 128, 129, 200, 254, 255])
def test_a_fractional_segmentation_is_metal_from_half_its_maximum(series, mask, tmp_path, most: int) -> None:
    rim = np.roll(mask, 1, axis=2) & ~mask
    values = np.where(mask, 1.0, np.where(rim, 0.6, 0)).astype(np.float32)
    options = {"fractional_type": "PROBABILITY", "max_fractional_value": most}
    path = write_seg(tmp_path / "f.dcm", sources_of(series), values, **options)
    np.testing.assert_array_equal(read_mask(path, series).mask, mask | rim)


@pytest.mark.parametrize("most", [200, 255])
def test_fractions_that_are_declared_signed_keep_the_core_of_the_metal(series, mask, tmp_path, most: int) -> None:
    values = np.where(mask, 1.0, 0).astype(np.float32)
    options = {"fractional_type": "PROBABILITY", "max_fractional_value": most}
    path = write_seg(tmp_path / "f.dcm", sources_of(series), values, **options)
    dataset = dcmread(path)
    dataset.PixelRepresentation = 1
    dataset.save_as(path)
    np.testing.assert_array_equal(read_mask(path, series).mask, mask)


@pytest.mark.parametrize("background", [None, 0, 7, 255])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_padding_value_of_a_label_map_is_its_background(series, mask, tmp_path, background, bits: int) -> None:
    path = write_seg(tmp_path / "l.dcm", sources_of(series), mask.astype(np.uint8), "LABELMAP")
    dataset = dcmread(path)
    labels = np.where(dataset.pixel_array == 0, background or 0, dataset.pixel_array).astype(f"<u{bits // 8}")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelData = labels.tobytes()
    dataset.SegmentSequence[0].SegmentNumber = background or 0
    if background is None:
        del dataset.PixelPaddingValue
    else:
        dataset.PixelPaddingValue = background
    dataset.save_as(path)
    found = read_mask(path, series)
    np.testing.assert_array_equal(found.mask, mask)
    assert not any("Background" in note for note in found.notes)


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (None, "stores fractions without a valid Maximum Fractional Value"),
        (0, "stores fractions without a valid Maximum Fractional Value"),
        (1000, "gives 1000 as its Maximum Fractional Value"),
        (100, "8 bits and reach 200"),
    ],
)
def test_a_fractional_segmentation_without_a_possible_maximum_is_refused(series, mask, tmp_path, most, words) -> None:
    options = {"fractional_type": "PROBABILITY", "max_fractional_value": 200}
    path = write_seg(tmp_path / "f.dcm", sources_of(series), mask.astype(np.float32), **options)
    dataset = dcmread(path)
    if most is None:
        del dataset.MaximumFractionalValue
    else:
        dataset.MaximumFractionalValue = most
    dataset.save_as(path)
    with pytest.raises(BadInput, match=words):
        read_mask(path, series)


@pytest.mark.parametrize("spacing", [b"1_0\\1.0 ", b"inf\\1.0 ", b"1.0 "])
def test_a_segmentation_without_finite_numbers_is_refused(series, mask, tmp_path, spacing) -> None:
    path = export.write_mask(tmp_path / "m.dcm", mask, series)
    dataset, tag = dcmread(path), Tag(0x00280030)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures._dict[tag] = RawDataElement(
        tag, "DS", len(spacing), spacing, 0, is_implicit_VR=False, is_little_endian=True
    )
    dataset.save_as(path)
    with pytest.raises(BadInput, match="damaged or incomplete"):
        read_mask(path, series)


@pytest.mark.parametrize("kind", [None, "fractional "])
def test_fractions_are_read_as_fractions_whatever_the_segmentation_type_looks_like(
    series, mask, tmp_path, kind
) -> None:
    values = np.where(mask, 1.0, 0.1).astype(np.float32)
    path = write_seg(tmp_path / "f.dcm", sources_of(series), values, fractional_type="PROBABILITY")
    dataset = dcmread(path)
    if kind is None:
        del dataset.SegmentationType
    else:
        dataset["SegmentationType"]._value = kind
    dataset.save_as(path)
    np.testing.assert_array_equal(read_mask(path, series).mask, mask)


@pytest.mark.parametrize(("degrees", "drift_mm"), [(0, 0.0), (2, 0.0), (5, 0.0), (20, 0.0), (-20, 0.0), (0, 0.7)])
def test_a_segmentation_of_a_sheared_stack_comes_back_voxel_for_voxel(tmp_path, degrees: int, drift_mm: float) -> None:
    angle = np.radians(degrees)
    affine = np.eye(4)
    affine[:3, 0] = drift_mm, 0, 3
    affine[:3, 1] = 0, np.cos(angle), -np.sin(angle)
    affine[:3, 2] = 1, 0, 0
    tilted = dicom.open_series(write_series(tmp_path / "t", "tilt", grid=Grid((30, 12, 10), affine)))
    metal = np.zeros((30, 12, 10), bool)
    metal[4:12, 3:6, 2:5] = metal[20:22, 8, 8] = True
    for name in ("own.dcm", "own.nii.gz", "own.nrrd"):
        read = read_mask(export.write_mask(tmp_path / name, metal, tilted), tilted)
        np.testing.assert_array_equal(read.mask, metal)
        assert read.notes == ()
    cropped = [dcmread(header.source.path) for header in tilted.sources[4:12]]
    for one in cropped:
        first = np.array(one.ImagePositionPatient, float) + 2 * affine[:3, 2] + 3 * affine[:3, 1]
        one.ImagePositionPatient = [f"{mm:.6f}"[:16] for mm in first]
        one.Rows, one.Columns = 3, 3
    path = write_seg(tmp_path / "crop.dcm", cropped, np.ones((8, 3, 3), np.uint8))
    expected = metal.copy()
    expected[20:] = False
    np.testing.assert_array_equal(read_mask(path, tilted).mask, expected)
