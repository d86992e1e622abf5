import numpy as np
import pytest
from PIL import Image

from marview.errors import BadInput
from marview.slices.clean import fit, list_clean, read_pages


def _tiff(path, pages):
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=rest)
    return path


def test_unsigned_pages_hold_half_of_hu_plus_1024(tmp_path):
    pages = [np.full((6, 5), value, np.uint16) for value in (0, 512, 1000)]
    slices = list_clean(_tiff(tmp_path / "clean.tif", pages))
    assert [each.name for each in slices] == ["clean_000", "clean_001", "clean_002"]
    assert [float(each.read()[0, 0]) for each in slices] == [-1000, 0, 976]


def test_floating_pages_hold_hu(tmp_path):
    [only] = list_clean(_tiff(tmp_path / "clean.tif", [np.full((6, 5), 40.5, np.float32)]))
    assert only.read()[2, 2] == 40.5


def test_arrays_of_hu_are_slices_too(tmp_path):
    np.save(tmp_path / "clean.npy", np.full((2, 6, 5), -2000.0))
    assert [float(each.read().max()) for each in list_clean(tmp_path / "clean.npy")] == [-1000, -1000]


def test_a_file_that_is_not_a_stack_is_refused(tmp_path):
    (tmp_path / "clean.tif").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="TIFF"):
        list_clean(tmp_path / "clean.tif")
    with pytest.raises(BadInput):
        list_clean(tmp_path / "missing")


def test_a_slice_keeps_its_values_and_orientation_on_another_grid():
    hu = np.zeros((416, 416), np.float32)
    hu[:208] = 100
    finer = fit(hu, (512, 512))
    assert finer.shape == (512, 512)
    assert finer[10, 500] == 100
    assert finer[500, 10] == 0
    assert fit(hu, (416, 416)) is hu


def test_a_stack_read_in_one_go_holds_the_same_slices(tmp_path):
    path = _tiff(tmp_path / "clean.tif", [np.full((6, 5), value, np.uint16) for value in (0, 512, 1000)])
    for page, each in zip(read_pages(path), list_clean(path), strict=True):
        np.testing.assert_array_equal(page, each.read())


def test_a_file_that_is_not_a_stack_gives_a_message(tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"no picture")
    with pytest.raises(BadInput, match="cannot be read as a TIFF stack"):
        list(read_pages(tmp_path / "broken.tif"))
