import csv
import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from marview import dicom, export
from marview.errors import UsageError
from marview.geometry import Grid


@pytest.fixture
def oblique():
    turn, _ = np.linalg.qr(np.array([[0.9, 0.2, -0.1], [-0.2, 0.95, 0.1], [0.1, -0.1, 1.0]]))
    turn *= np.sign(np.diag(turn))
    affine = np.eye(4)
    affine[:3, 2], affine[:3, 1], affine[:3, 0] = 0.7 * turn[:, 0], 0.8 * turn[:, 1], 2.5 * turn[:, 2]
    affine[:3, 3] = 12, -34, 56
    return Grid((3, 4, 5), affine)


@pytest.fixture
def hu():
    return np.random.default_rng(0).integers(-1024, 3071, (3, 4, 5)).astype(np.int16)


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_nibabel_finds_every_voxel_of_an_oblique_volume_where_the_grid_says(tmp_path, hu, oblique, name):
    image = nib.load(export.write_nifti(tmp_path / name, hu, oblique))
    values = np.asanyarray(image.dataobj)
    assert values.dtype == np.int16
    for z, y, x in np.ndindex(hu.shape):
        left, back, up = oblique.to_patient((z, y, x))
        np.testing.assert_allclose((image.affine @ [x, y, z, 1])[:3], [-left, -back, up], atol=1e-3)
        assert values[x, y, z] == hu[z, y, x]
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-3)


def test_a_sheared_grid_has_an_sform_and_no_qform(tmp_path, hu):
    affine = np.array([[0, 0, 1, 0], [0.5, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]])
    image = nib.load(export.write_nifti(tmp_path / "v.nii", hu, Grid((3, 4, 5), affine)))
    assert int(image.header["qform_code"]) == 0
    assert int(image.header["sform_code"]) == 1


def test_written_nifti_opens_again_as_the_same_volume(tmp_path, hu):
    grid = Grid.from_spacing((3, 4, 5), (2.5, 0.8, 0.7))
    export.write_nifti(tmp_path / "v.nii.gz", hu, grid)
    loaded = dicom.open_series(tmp_path / "v.nii.gz")
    np.testing.assert_array_equal(loaded.volume.hu, hu)
    np.testing.assert_allclose(loaded.volume.grid.affine, grid.affine, atol=1e-5)


def test_a_result_takes_over_the_axes_of_the_nifti_it_came_from(tmp_path):
    source = np.random.default_rng(1).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
    affine = np.array([[0, 0, -3.0, 5], [2, 0, 0, 6], [0, -1, 0, 7], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(source, affine), tmp_path / "source.nii")
    loaded = dicom.open_series(tmp_path / "source.nii")
    path = export.write_nifti(tmp_path / "v.nii", loaded.volume.hu, loaded.volume.grid, like=tmp_path / "source.nii")
    image = nib.load(path)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), source)
    np.testing.assert_allclose(image.affine, affine)


def test_a_mask_is_of_bytes(tmp_path, hu, oblique):
    path = export.write_nifti(tmp_path / "m.nii.gz", hu > 2000, oblique)
    assert nib.load(path).get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj).transpose(2, 1, 0), hu > 2000)


def test_another_ending_is_refused(tmp_path, hu, oblique):
    with pytest.raises(UsageError, match=r"\.nii"):
        export.write_nifti(tmp_path / "v.img", hu, oblique)


def test_corrected_hu_change_only_where_there_is_a_correction(hu):
    correction = np.zeros(hu.shape, np.float32)
    correction[1, 2, 3] = -100.6
    correction[1, 0, 0] = 1e6
    corrected = export.corrected_hu(hu, correction)
    changed = corrected != hu
    assert np.argwhere(changed).tolist() == [[1, 0, 0], [1, 2, 3]]
    assert corrected[1, 2, 3] == round(hu[1, 2, 3] - 100.6)
    assert corrected[1, 0, 0] == 32767


def test_a_window_maps_its_ends_to_black_and_white():
    grey = export.picture(np.array([-2000, -160, 40, 240, 3071]), 400, 40)
    assert grey.tolist() == [0, 0, 128, 255, 255]


def test_pictures_have_square_pixels_and_the_name_of_their_slice(tmp_path, hu):
    paths = export.write_pngs(tmp_path / "png", hu, width_hu=400, level_hu=40, pixel_mm=(2, 1), slices=[0, 2])
    assert [path.name for path in paths] == ["slice_00000.png", "slice_00002.png"]
    with Image.open(paths[0]) as image:
        assert image.size == (5, 8)
    single = export.write_png(tmp_path / "one.png", hu[1], width_hu=400, level_hu=40)
    with Image.open(single) as image:
        np.testing.assert_array_equal(np.asarray(image), export.picture(hu[1], 400, 40))


def test_tables_and_arrays_read_back(tmp_path, hu):
    export.write_csv(tmp_path / "t.csv", [{"slice": 1, "method": "LI, plain"}, {"slice": 2, "method": "ü"}])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.DictReader(stream)) == [{"slice": "1", "method": "LI, plain"}, {"slice": "2", "method": "ü"}]
    record = {"a": np.int64(3), "b": [np.float32(0.5), float("nan")], "path": tmp_path}
    export.write_json(tmp_path / "t.json", record)
    assert json.loads((tmp_path / "t.json").read_text()) == {"a": 3, "b": [0.5, None], "path": str(tmp_path)}
    export.write_npz(tmp_path / "t.npz", {"hu": hu})
    with np.load(tmp_path / "t.npz") as arrays:
        np.testing.assert_array_equal(arrays["hu"], hu)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.json", "t.npz"]


def test_rows_of_other_columns_leave_no_table(tmp_path):
    with pytest.raises(ValueError, match="dict contains fields"):
        export.write_csv(tmp_path / "t.csv", [{"a": 1}, {"b": 2}])
    assert list(tmp_path.iterdir()) == []
