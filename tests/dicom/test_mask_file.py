"""Masks written by other programs, and files that are not masks."""

import gzip
import re
from io import BytesIO
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from marview import dicom, export
from marview.dicom import LoadedSeries
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.mask_file import read_mask, read_metal
from marview.dicom.verbatim import put_text
from marview.errors import BadInput
from marview.geometry import Grid
from marview.volume.mask import grow_px

SHAPE = (5, 12, 10)
GRID = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.0))
LPS = np.diag([1.0, 1.0, 2.0])


def write_series(folder: Path, seed: str = "one", patient: str = "P-1", grid: Grid = GRID) -> Path:
    hu = np.random.default_rng(8).integers(-200, 900, grid.shape).astype(np.int16)
    write_ct_series(hu, grid, folder, Labels("NO^ONE", patient, "A study", "S"), seed=seed, study_seed=seed)
    return folder


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> LoadedSeries:
    return dicom.open_series(write_series(tmp_path_factory.mktemp("mask_file") / "series"))


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 4:8, 2:6] = mask[3, 5, 5] = True
    return mask


def save_nrrd(path: Path, values: np.ndarray, directions: np.ndarray = LPS, origin=(0.0, 0, 0), **fields) -> Path:
    header = {"space": "left-posterior-superior", "space directions": directions, "space origin": np.array(origin)}
    nrrd.write(str(path), values, header | fields)
    return path


def save_nifti(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(values, affine, dtype=values.dtype), path)
    return path


def test_a_cropped_mask_of_slicer_is_put_where_it_was_cut(series, mask, tmp_path) -> None:
    cropped = mask[1:4, 3:9, 1:7].transpose(2, 1, 0).astype(np.uint8)
    read = read_mask(save_nrrd(tmp_path / "m.seg.nrrd", cropped, origin=(1.0, 3.0, 2.0)), series)
    np.testing.assert_array_equal(read.mask, mask)
    assert read.notes == ()


def test_ras_and_turned_axes_and_overlapping_segments_are_understood(series, mask, tmp_path) -> None:
    turned = mask.transpose(1, 0, 2)[::-1].astype(np.uint8)  # axes: from the back, z, x
    layers = np.stack([np.where(np.arange(10) % 2, turned, 0), turned])
    header = {
        "space": "right-anterior-superior",
        "space directions": np.array([[np.nan] * 3, [0, 1, 0], [0, 0, 2], [-1, 0, 0]], float),
        "space origin": np.array([0.0, -11.0, 0.0]),
        "kinds": ["list", "domain", "domain", "domain"],
    }
    nrrd.write(str(tmp_path / "m.nrrd"), layers, header)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nrrd", series).mask, mask)


@pytest.mark.parametrize(("encoding", "kind"), [("raw", ">u2"), ("gzip", "f4"), ("bzip2", "i1")])
def test_encodings_and_numbers_of_nrrd(series, mask, tmp_path, encoding: str, kind: str) -> None:
    path = save_nrrd(tmp_path / "m.nrrd", mask.transpose(2, 1, 0).astype(kind), encoding=encoding)
    np.testing.assert_array_equal(read_mask(path, series).mask, mask)


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_a_changed_byte_in_a_compressed_nrrd_is_noticed(series, mask, tmp_path, encoding: str) -> None:
    path = save_nrrd(tmp_path / "m.nrrd", mask.transpose(2, 1, 0).astype("u1"), encoding=encoding)
    packed = bytearray(path.read_bytes())
    packed[-6] ^= 1  # in the checksum
    path.write_bytes(packed)
    with pytest.raises(BadInput, match=r"m\.nrrd"):
        read_mask(path, series)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_an_nrrd_with_more_values_than_its_header_lists_is_refused(series, mask, tmp_path, encoding: str) -> None:
    path = save_nrrd(tmp_path / "m.nrrd", np.ones((10, 12, 5), "u1"), encoding=encoding)
    path.write_bytes(path.read_bytes().replace(b"sizes: 10 12 5", b"sizes: 9 12 5"))
    with pytest.raises(BadInput, match=r"more values than its header declares, so the image layout is unknown"):
        read_mask(path, series)


def test_a_mask_on_other_voxels_is_resampled_and_says_so(series, mask, tmp_path) -> None:
    fine = np.repeat(np.repeat(mask, 2, 1), 2, 2).transpose(2, 1, 0).astype(np.uint8)
    path = save_nrrd(tmp_path / "fine.nrrd", fine, np.diag([0.5, 0.5, 2.0]), (-0.25, -0.25, 0))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask, mask)
    assert "fine.nrrd is not on the voxel grid of the series, so it was resampled" in read.notes[0]


def test_parts_outside_are_reported(series, mask, tmp_path) -> None:
    path = save_nrrd(tmp_path / "far.nrrd", mask.transpose(2, 1, 0).astype(np.uint8), origin=(0, 0, 4.0))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask[2:], mask[:3])
    assert read.notes == ("Left out of far.nrrd: 1 voxel outside the series.",)


def test_several_labels_and_segments_are_all_metal_and_named(series, mask, tmp_path) -> None:
    labels = mask.astype(np.int16) * np.where(np.arange(10) > 3, 2, 1)
    path = save_nifti(tmp_path / "m.nii.gz", labels.transpose(2, 1, 0), np.diag([-1.0, -1, 2, 1]))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask, mask)
    assert "contains 2 labels" in read.notes[0]


def test_a_mask_of_another_patient_or_frame_is_refused(series, mask, tmp_path) -> None:
    other = dicom.open_series(write_series(tmp_path / "other", "two", "P-2"))
    path = export.write_mask(tmp_path / "other.dcm", mask, other)
    with pytest.raises(BadInput, match=r"other\.dcm and the series belong to different patients"):
        read_mask(path, series)
    later = dicom.open_series(write_series(tmp_path / "later", "three"))
    path = export.write_mask(tmp_path / "later.dcm", mask, later)
    with pytest.raises(BadInput, match=r"later\.dcm: The mask has another frame of reference"):
        read_mask(path, series)


def test_a_file_that_is_not_a_mask_is_refused_with_a_message(series, mask, tmp_path) -> None:
    values = mask.transpose(2, 1, 0).astype(np.uint8)
    ras = np.diag([-1.0, -1, 2, 1])
    save_nifti(tmp_path / "empty.nii", np.zeros_like(values), ras)
    save_nifti(tmp_path / "volume.nii", np.arange(values.size, dtype=np.int16).reshape(values.shape) - 100, ras)
    save_nifti(tmp_path / "shares.nii", values * np.float32(0.7), ras)
    save_nifti(tmp_path / "nan.nii", np.where(values, np.float32("nan"), 0), ras)
    elsewhere = ras.copy()
    elsewhere[:3, 3] = 500
    save_nifti(tmp_path / "elsewhere.nii", values, elsewhere)
    (tmp_path / "words.dcm").write_text("no mask at all")
    (tmp_path / "words.nrrd").write_bytes(b"NRRD0004\nnonsense\n\n")
    nrrd.write(str(tmp_path / "nowhere.nrrd"), values)
    save_nrrd(tmp_path / "detached.nhdr", values)
    whole = save_nrrd(tmp_path / "whole.nrrd", values).read_bytes()
    (tmp_path / "cut.nrrd").write_bytes(whole[:-20])
    (tmp_path / "huge.nrrd").write_bytes(whole.replace(b"sizes: 10 12 5", b"sizes: 30000 30000 30000"))
    for name, said in {
        "absent.dcm": "cannot be read",
        "empty.nii": "is an empty mask",
        "volume.nii": "is not a mask: its values range from -100 to 499",
        "shares.nii": "is not a mask",
        "nan.nii": "is not a mask",
        "elsewhere.nii": "is outside the volume",
        "words.dcm": "not DICOM SEG, NRRD or NIfTI",
        "words.nrrd": "is not a readable NRRD file",
        "nowhere.nrrd": "does not state where its voxels are",
        "detached.nhdr": "stores its values in another file",
        "cut.nrrd": "truncated",
        "huge.nrrd": "declares 30000 x 30000 x 30000 voxels",
    }.items():
        with pytest.raises(BadInput, match=name) as refusal:
            read_mask(tmp_path / name, series)
        assert said in str(refusal.value)
        assert str(refusal.value).endswith((".", "?"))


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


def test_a_bomb_is_not_unpacked(series, tmp_path) -> None:
    header = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 10 12 5\nencoding: gzip\nspace: LPS\n"
    header += b"space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (0,0,0)\n\n"
    (tmp_path / "bomb.nrrd").write_bytes(header + gzip.compress(bytes(1 << 28)))
    with pytest.raises(BadInput, match="empty"):
        read_mask(tmp_path / "bomb.nrrd", series)


@pytest.mark.parametrize("origin", ["(inf,0,0)", "(0,-inf,0)", "(0,0,nan)"])
def test_an_nrrd_at_no_finite_place_is_refused_in_one_sentence(series, tmp_path, origin) -> None:
    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 10 12 5\nencoding: raw\nspace: LPS\n"
    header += f"space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: {origin}\n\n"
    (tmp_path / "m.nrrd").write_bytes(header.encode() + bytes(600))
    with pytest.raises(BadInput, match=r"m\.nrrd does not state where its voxels are"):
        read_mask(tmp_path / "m.nrrd", series)


def sources_of(series: LoadedSeries) -> list:
    return [dcmread(header.source.path) for header in series.sources]


def write_seg(path: Path, sources: list, pixels: np.ndarray, kind: str = "", **options) -> Path:
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    kinds = hd.seg.SegmentAlgorithmTypeValues
    metal = hd.seg.SegmentDescription(1, "metal", codes.SCT.PhysicalObject, codes.SCT.Implant, kinds.MANUAL)
    uids = [generate_uid(prefix=None) for _ in range(2)]
    kind = kind or ("FRACTIONAL" if pixels.dtype.kind == "f" else "BINARY")
    hd.seg.Segmentation(sources, pixels, kind, [metal], uids[0], 1, uids[1], 1, "X", "X", "1", "1", **options).save_as(
        path
    )
    return path


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


@pytest.mark.parametrize(
    ("charset", "identifier"),
    [
        (b"", "Mü1".encode()),
        (b"", b"M\xfc1"),
        (b"ISO_IR 100", "Mü1".encode()),
        (b"ISO_IR 192", "A\u200b1".encode()),
        (b"ISO_IR 192", b"M\xfc1"),
        (b"ISO_IR 100", b"A\t1"),
        (b"ISO_IR 100", b"A\x001"),
        (b"ISO_IR 100", b"A\\B"),
        (b"\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8"),
    ],
)
def test_a_mask_written_for_a_patient_is_read_for_that_patient(series, mask, tmp_path, charset, identifier) -> None:
    (tmp_path / "odd").mkdir()
    for dataset in sources_of(series):
        texts = {}
        for number, kind, text in ((0x00080005, "CS", charset), (0x00100020, "LO", identifier)):
            tag, value = Tag(number), text + b" " * (len(text) % 2)
            texts[tag] = RawDataElement(tag, kind, len(value), value, 0, is_implicit_VR=False, is_little_endian=True)
        put_text(dataset, texts)
        dataset.save_as(tmp_path / "odd" / f"{dataset.InstanceNumber}.dcm")
    odd = dicom.open_series(tmp_path / "odd")
    path = export.write_mask(tmp_path / "own.dcm", mask, odd)
    np.testing.assert_array_equal(read_mask(path, odd).mask, mask)


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


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1), ("um", 1000), ("cm", 0.1), ("m", 0.001)])
def test_lengths_of_nrrd_are_mm_whatever_unit_it_counts_in(series, mask, tmp_path, unit: str, scale: float) -> None:
    values = mask.transpose(2, 1, 0).astype(np.uint8)
    path = save_nrrd(tmp_path / "m.nrrd", values, LPS * scale, **{"space units": [unit] * 3})
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask, mask)
    assert read.notes == ()


def test_an_nrrd_that_counts_in_no_length_is_refused(series, mask, tmp_path) -> None:
    values = mask.transpose(2, 1, 0).astype(np.uint8)
    path = save_nrrd(tmp_path / "m.nrrd", values, **{"space units": ["s", "s", "s"]})
    with pytest.raises(BadInput, match=r"m\.nrrd gives lengths in s"):
        read_mask(path, series)


def test_a_mask_of_tissue_is_doubted_and_a_generous_one_is_not(mask, tmp_path) -> None:
    hu = np.where(mask, 3000, 40).astype(np.int16)
    write_ct_series(hu, GRID, tmp_path / "series", Labels("NO^ONE", "P-1", "A study", "S"))
    series = dicom.open_series(tmp_path / "series")
    for name, values in (("own", mask), ("generous", grow_px(mask, 1)), ("moved", np.roll(mask, 4, axis=2))):
        save_nrrd(tmp_path / f"{name}.nrrd", values.transpose(2, 1, 0).astype(np.uint8))
    assert read_metal(tmp_path / "own.nrrd", series).notes == ()
    assert read_metal(tmp_path / "generous.nrrd", series).notes == ()
    [note] = read_metal(tmp_path / "moved.nrrd", series).notes
    assert re.fullmatch(r"\d+% of moved.nrrd is below 500 HU\. Check that it is the mask of this series\.", note)
