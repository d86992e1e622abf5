import gzip
import itertools
import time

import nibabel as nib
import numpy as np
import pytest

from marview import dicom
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


def test_no_dicom_series_is_made_of_nifti(tmp_path, values):
    loaded = dicom.open_series(write(tmp_path / "v.nii", values, np.eye(4)))
    with pytest.raises(BadInput, match="is NIfTI and names no patient"):
        dicom.write_derived_series(
            loaded, np.zeros(loaded.volume.hu.shape, np.float32), dicom.Derivation("LI", "1"), tmp_path / "out"
        )


def test_the_real_femoral_nail_opens(shared_data):
    loaded = dicom.open_series(shared_data / "real_metal" / "femoral_nail.nii.gz")
    assert loaded.volume.hu.shape == (112, 101, 122)
    assert loaded.volume.grid.spacing_mm == pytest.approx((3, 3, 3))
    assert loaded.volume.hu[:17].max() > 3000
