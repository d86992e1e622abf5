import gzip
import itertools
import struct
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from marview import dicom, export
from marview.dicom import Kind
from marview.dicom.mask_file import read_mask
from marview.dicom.nifti import read_nifti_labels
from marview.errors import BadInput


def write(path, values, affine):
    nib.save(nib.Nifti1Image(values, affine, dtype=values.dtype), path)
    return path


@pytest.fixture
def values():
    return np.random.default_rng(5).integers(-1000, 3000, (4, 5, 6)).astype(np.int16)


ORDERS = [(axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


@pytest.mark.parametrize(("axes", "signs"), ORDERS)
def test_every_order_of_axes_puts_every_voxel_where_the_file_says(tmp_path, values, axes, signs):
    affine = np.eye(4)
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[:3, column] = 0
        affine[axis, column] = sign * (0.5 + column)
    affine[:3, 3] = 10, -20, 30
    loaded = dicom.open_series(write(tmp_path / "v.nii", values, affine))
    grid = loaded.volume.grid
    assert (np.diag(grid.affine[:3, 2::-1]) > 0).all(), "x to the left, y to the back, z to the head"
    for index in itertools.product((0, 3), (0, 4), (0, 2, 5)):
        ras = affine @ [*index, 1]
        z, y, x = np.rint(grid.to_index([-ras[0], -ras[1], ras[2]])).astype(int)
        assert loaded.volume.hu[z, y, x] == values[index]


def test_an_oblique_file_opens_with_its_own_axes(tmp_path, values):
    turn = np.array([[0.98, -0.17, 0.1], [0.17, 0.98, 0.05], [-0.1, -0.05, 0.99]])
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(turn)[0] * np.sign(np.diag(np.linalg.qr(turn)[1]))
    loaded = dicom.open_series(write(tmp_path / "v.nii.gz", values, affine))
    ras = affine @ [1, 2, 3, 1]
    index = np.rint(loaded.volume.grid.to_index([-ras[0], -ras[1], ras[2]])).astype(int)
    assert loaded.volume.hu[tuple(index)] == values[1, 2, 3]
    assert loaded.volume.grid.affine[2, 0] > 0.9


@pytest.mark.parametrize(
    ("degrees", "is_sheared", "kind", "words"),
    [
        (0.0, False, None, ""),
        (12.0, True, Kind.GANTRY_TILT, "tilted by 12.0 degrees"),
        (12.0, False, Kind.REFORMAT, "are tilted 12 degrees from the axial plane"),
        (90.0, False, None, ""),
    ],
)
def test_slices_out_of_the_axial_plane_are_named_as_those_of_dicom(
    tmp_path, values, degrees, is_sheared, kind, words
) -> None:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    affine = np.eye(4)
    affine[:3, 1] = 0, cosine, sine
    affine[:3, 2] = (0, 0, 2) if is_sheared else (0, -2 * sine, 2 * cosine)
    report = dicom.open_series(write(tmp_path / "v.nii.gz", values, affine)).report
    found = {finding.kind: finding.sentence for finding in report.findings}
    assert {Kind.GANTRY_TILT, Kind.REFORMAT} & found.keys() == ({kind} if kind else set())
    assert words in found.get(kind, "")


@pytest.mark.parametrize(("skew", "is_volume"), [(0.0, True), (0.005, True), (0.05, False), (1.0, False)])
def test_slices_that_a_registration_sheared_in_their_plane_are_only_viewed(tmp_path, values, skew, is_volume) -> None:
    affine = np.eye(4)
    affine[0, 1] = skew
    report = dicom.open_series(write(tmp_path / "v.nii.gz", values, affine)).report
    assert report.is_volume == is_volume
    assert ("not at right angles" in report.reason) == (not is_volume)


def test_numbers_become_whole_hu_and_nan_becomes_padding(tmp_path):
    values = np.array([[[0.4, np.nan, 1e9, -1e9]]], np.float32).reshape(1, 1, 4)
    loaded = dicom.open_series(write(tmp_path / "v.nii", values, np.eye(4)))
    assert loaded.volume.hu.ravel().tolist() == [0, dicom.PADDING_HU, 32767, -32768]


def test_slices_arrive_in_the_callers_memory(tmp_path, values):
    seen, arrays = [], []

    def allocate(shape, dtype):
        arrays.append(np.zeros(shape, dtype))
        return arrays[0]

    (series,) = dicom.scan(write(tmp_path / "v.nii.gz", values, np.eye(4))).series
    loaded = dicom.read(series, allocate=allocate, on_slice=seen.append)
    assert loaded.volume.hu is arrays[0]
    assert sorted(seen) == list(range(6))
    assert seen[0] == 3
    assert loaded.gaps == ()


def test_damaged_and_hostile_files_are_refused_soon(tmp_path, values):
    path = write(tmp_path / "v.nii.gz", values, np.eye(4))
    (tmp_path / "cut.nii.gz").write_bytes(path.read_bytes()[:-40])
    raw = bytearray(gzip.decompress(path.read_bytes()))
    (tmp_path / "cut.nii").write_bytes(raw[:-40])
    raw[42:48] = (3000).to_bytes(2, "little") * 3
    (tmp_path / "huge.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    (tmp_path / "words.nii").write_bytes(b"not nifti at all")
    write(tmp_path / "four.nii", np.zeros((2, 2, 2, 2), np.int16), np.eye(4))
    start = time.monotonic()
    for name in ("cut.nii.gz", "cut.nii", "huge.nii.gz", "words.nii", "four.nii"):
        with pytest.raises(BadInput, match=name):
            dicom.open_series(tmp_path / name)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("where", ["value", "checksum"])
def test_a_changed_byte_in_a_compressed_file_is_noticed(tmp_path, values, where):
    raw = bytearray(gzip.decompress(write(tmp_path / "v.nii.gz", values, np.eye(4)).read_bytes()))
    packed = bytearray(gzip.compress(bytes(raw), compresslevel=0))
    packed[-20 if where == "value" else -6] ^= 1
    (tmp_path / "v.nii.gz").write_bytes(packed)
    with pytest.raises(BadInput, match=r"v\.nii\.gz is truncated or damaged"):
        dicom.open_series(tmp_path / "v.nii.gz")


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_a_file_with_more_values_than_its_header_lists_is_refused(tmp_path, values, name):
    path = write(tmp_path / "whole.nii", values, np.eye(4))
    raw = bytearray(path.read_bytes())
    raw[42:44] = (3).to_bytes(2, "little")  # a column less, so rows shift against each other
    (tmp_path / name).write_bytes(gzip.compress(bytes(raw)) if name.endswith(".gz") else bytes(raw))
    with pytest.raises(BadInput, match=r"more values than its header declares, so the image layout is unknown"):
        dicom.open_series(tmp_path / name)
    with pytest.raises(BadInput, match=r"more values than its header declares"):
        read_nifti_labels(tmp_path / name)
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert dicom.open_series(path).report.findings == ()


@pytest.mark.parametrize("rest", [b"", b"garbage", bytes(512)])
def test_bytes_after_a_compressed_file_and_letters_of_its_name_do_not_matter(tmp_path, values, rest):
    path = write(tmp_path / "v.nii.gz", values, np.eye(4)).rename(tmp_path / "v.Nii.GZ")
    path.write_bytes(path.read_bytes() + rest)
    assert dicom.open_series(path).volume.hu.shape == (6, 5, 4)


def _with_forms(path, values, sform, qform):
    image = nib.Nifti1Image(values, np.diag([1.0, 1, 2, 1]))
    image.set_qform(*qform)
    image.set_sform(*sform)
    nib.save(image, path)
    return path


FORM, MOVED = np.diag([1.0, 1, 2, 1]), np.diag([1.0, 1, 2, 1])
MOVED[:3, 3] = 0, 0.6, 0


@pytest.mark.parametrize(
    ("sform", "qform", "words"),
    [
        ((FORM, 1), (FORM, 1), ""),
        ((FORM, 2), (FORM, 0), ""),
        ((FORM, 0), (FORM, 1), ""),
        ((FORM, 1), (MOVED, 1), "disagree on its position"),
        ((FORM, 1), (np.diag([-1.0, 1, 2, 1]), 1), "disagree on its position"),
        ((np.diag([2.0, 2, 4, 1]), 1), (FORM, 0), "disagree on its position"),
        ((FORM, 0), (FORM, 0), "left and right may be swapped"),
    ],
)
def test_places_that_contradict_each_other_or_are_missing_are_named(tmp_path, values, sform, qform, words):
    loaded = dicom.open_series(_with_forms(tmp_path / "v.nii", values, sform, qform))
    sentences = [finding.sentence for finding in loaded.report.findings if finding.kind == Kind.NO_POSITION]
    assert len(sentences) == bool(words)
    assert all(words in sentence for sentence in sentences)
    np.testing.assert_array_equal(loaded.volume.grid.spacing_mm, (4, 2, 2) if sform[0][0, 0] == 2 else (2, 1, 1))


def test_no_dicom_series_is_made_of_nifti(tmp_path, values):
    loaded = dicom.open_series(write(tmp_path / "v.nii", values, np.eye(4)))
    with pytest.raises(BadInput, match="is a NIfTI file without patient and study information"):
        dicom.write_derived_series(
            loaded, np.zeros(loaded.volume.hu.shape, np.float32), dicom.Derivation("LI", "1"), tmp_path / "out"
        )


def test_the_real_femoral_nail_opens(shared_data):
    loaded = dicom.open_series(shared_data / "real_metal" / "femoral_nail.nii.gz")
    assert loaded.volume.hu.shape == (112, 101, 122)
    assert loaded.volume.grid.spacing_mm == pytest.approx((3, 3, 3))
    assert loaded.volume.hu[:17].max() > 3000


def saved(path: Path, values: np.ndarray, unit: str = "mm", scale: float = 1.0) -> Path:
    affine = np.diag([-6 * scale, -6 * scale, 3 * scale, 1])
    image = nib.Nifti1Image(values, affine, dtype=values.dtype)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1), ("micron", 1000), ("meter", 0.001), ("unknown", 1)])
def test_lengths_are_mm_whatever_unit_the_file_counts_in(tmp_path, unit, scale):
    values = np.full((40, 48, 6), -1000, np.int16)
    values[10:30, 10:30, 2:4] = 3000
    path = saved(tmp_path / "v.nii.gz", values, unit, scale)
    loaded = dicom.open_series(path)
    assert loaded.volume.grid.spacing_mm == pytest.approx((3, 6, 6))
    mask = loaded.volume.hu > 2000
    for name in ("same.nii.gz", "other.nii.gz"):
        export.write_nifti(tmp_path / name, mask, loaded.volume.grid, like=path if name == "same.nii.gz" else None)
        assert nib.load(tmp_path / name).header.get_zooms() == pytest.approx((6, 6, 3), rel=1e-4)
        np.testing.assert_array_equal(read_mask(tmp_path / name, loaded).mask, mask)
    labels = saved(tmp_path / "labels.nii.gz", (values > 2000).astype(np.uint8), unit, scale)
    np.testing.assert_array_equal(read_mask(labels, loaded).mask, mask)


@pytest.mark.parametrize("scale", [0.001, 1000])
def test_a_size_that_no_scanner_has_is_only_viewed(tmp_path, scale):
    loaded = dicom.open_series(saved(tmp_path / "v.nii", np.full((40, 48, 6), -1000, np.int16), "mm", scale))
    assert not loaded.report.is_volume
    assert {finding.kind for finding in loaded.report.findings} == {Kind.NO_UNIT}


NUMBERS = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, np.float32, np.float64]


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_type_of_number_keeps_its_values(tmp_path, kind):
    values = np.full((4, 4, 2), 0 if np.dtype(kind).kind == "u" else -100, kind)
    values[1] = 100
    path = saved(tmp_path / "v.nii", values)
    loaded = dicom.open_series(path)
    np.testing.assert_array_equal(loaded.volume.hu.transpose(2, 1, 0), values)
    assert Kind.CLIPPED not in {finding.kind for finding in loaded.report.findings}


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (np.uint16, 60_000, 32767),
        (np.int32, 60_000, 32767),
        (np.int32, -60_000, -32768),
        (np.float32, 60_000, 32767),
        (np.float32, np.inf, 32767),
        (np.float64, -np.inf, -32768),
        (np.uint64, 2**63, 32767),
    ],
)
def test_values_beyond_int16_are_reported(tmp_path, kind, value, shown):
    values = np.zeros((4, 4, 3), kind)
    values[1, 1, 1] = value
    loaded = dicom.open_series(saved(tmp_path / "v.nii", values))
    (finding,) = (one for one in loaded.report.findings if one.kind == Kind.CLIPPED)
    assert finding.slices == (1,)
    assert "clipped to this range" in finding.sentence
    assert loaded.volume.hu[1, 1, 1] == shown


def test_nan_voxels_are_reported(tmp_path):
    values = np.full((4, 4, 3), -1000, np.float32)
    values[1, 1, 1], values[0, 0, 0] = np.nan, 40
    loaded = dicom.open_series(saved(tmp_path / "v.nii", values))
    (finding,) = loaded.report.findings
    assert (finding.kind, finding.slices) == (Kind.NO_NUMBER, (1,))
    assert loaded.volume.hu[1, 1, 1] == dicom.PADDING_HU


def test_attenuation_is_only_viewed(tmp_path):
    values = np.random.default_rng(2).uniform(0, 0.5, (8, 8, 3)).astype(np.float32)
    values[2, 2] = 6
    loaded = dicom.open_series(saved(tmp_path / "v.nii", values))
    assert {finding.kind for finding in loaded.report.findings} == {Kind.NOT_HU}
    assert not loaded.report.is_volume


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("names", [("v.nii.gz", "other.nii"), ("v.nii", "other.nii.gz")])
def test_a_name_that_hides_whether_a_file_is_compressed_does_not_matter(tmp_path, values, names, kind):
    nib.save(kind(values, np.diag([-1, -1, 2, 1.0])), tmp_path / names[0])
    (tmp_path / names[0]).rename(tmp_path / names[1])
    hu = dicom.open_series(tmp_path / names[1]).volume.hu
    np.testing.assert_array_equal(hu.transpose(2, 1, 0), values)


def patched(path: Path, at: int, *numbers: float) -> Path:
    """A NIfTI-1 file with float32 numbers put at a byte of its header."""
    saved(path, np.full((8, 8, 3), 40, np.int16))
    data = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(numbers)}f", data, at, *numbers)
    path.write_bytes(data)
    return path


SLOPE, AFFINE = 112, 280


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("at", [AFFINE, AFFINE + 12, AFFINE + 20])
def test_an_affine_that_is_not_finite_is_refused_in_one_sentence(tmp_path, value, at):
    with pytest.raises(BadInput, match=r"^v\.nii has no usable affine, so the position of its voxels is unknown\.$"):
        dicom.open_series(patched(tmp_path / "v.nii", at, value))


@pytest.mark.parametrize(
    ("slope", "kind", "words"),
    [(np.inf, Kind.BAD_RESCALE, "is infinite, so marview ignored"), (-1, Kind.NOT_HU, "is negative")],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_slope_that_cannot_be_is_named(tmp_path, slope, kind, words, is_packed):
    path = patched(tmp_path / "v.nii", SLOPE, slope)
    if is_packed:
        packed = tmp_path / "v.nii.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    findings = dicom.open_series(path).report.findings
    assert [finding.kind for finding in findings if words in finding.sentence] == [kind]


@pytest.mark.parametrize("slope", [0, np.nan, 1])
def test_a_slope_of_zero_and_a_missing_one_are_not_slopes(tmp_path, slope):
    loaded = dicom.open_series(patched(tmp_path / "v.nii", SLOPE, slope, 0))
    assert loaded.volume.hu.max() == 40
    assert Kind.BAD_RESCALE not in {finding.kind for finding in loaded.report.findings}
