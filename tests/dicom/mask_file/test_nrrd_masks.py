"""Masks in NRRD files."""

import gzip

import nrrd
import numpy as np
import pytest

from marview.dicom.mask_file import read_mask
from marview.errors import BadInput
from tests.dicom.mask_file.cases import LPS, save_nrrd


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
