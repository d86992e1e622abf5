import itertools
import zipfile

import numpy as np
import pytest

from marview.errors import BadInput
from marview.slices.shapes import TEST_SIZES_PX, place, read_shapes, shapes_of_sizes


@pytest.fixture
def masks():
    y, x = np.mgrid[-64:64, -64:64]
    return np.stack([x**2 / a**2 + y**2 < 1600 for a in (1.0, 1.2, 0.8)])


@pytest.fixture
def body():
    y, x = np.mgrid[-208:208, -208:208]
    hu = np.where(x**2 / 1.5**2 + y**2 < 110**2, 40.0, -1000.0).astype(np.float32)
    hu[x**2 + (y + 50) ** 2 < 900] = -850  # a lung
    hu[:40, :40] = 200  # something beside the body
    return hu


def test_shapes_have_the_sizes_asked_for(masks):
    sizes = [sum(np.count_nonzero(blob) for blob in shape.blobs) for shape in shapes_of_sizes(masks, 416)]
    assert sizes == pytest.approx(TEST_SIZES_PX, rel=0.35)
    assert sizes[:4] == pytest.approx(TEST_SIZES_PX[:4], rel=0.05)


def test_on_a_finer_grid_they_grow_with_the_slices(masks):
    coarse, fine = (shapes_of_sizes(masks, grid)[0].blobs for grid in (416, 832))
    assert sum(b.sum() for b in fine) == pytest.approx(4 * sum(b.sum() for b in coarse), rel=0.05)


def test_metal_lies_inside_tissue_in_separate_blobs(masks, body):
    for seed in range(5):
        for shape in shapes_of_sizes(masks, 416):
            metal = place(shape, body, np.random.default_rng(seed))
            assert metal.sum() == pytest.approx(sum(float(blob.sum()) for blob in shape.blobs), rel=1e-5)
            assert (body[metal > 0] == 40).all()
            assert not metal[:60, :60].any()


def test_the_same_seed_gives_the_same_place(masks, body):
    shape = shapes_of_sizes(masks, 416)[0]
    first, second, other = (place(shape, body, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_shape_too_large_for_the_body_is_refused(masks, body):
    with pytest.raises(BadInput, match="does not fit"):
        place(shapes_of_sizes(masks, 416, [60000])[0], body, np.random.default_rng(0))
    with pytest.raises(BadInput, match="does not fit"):
        place(shapes_of_sizes(masks, 416)[0], np.full_like(body, -1000), np.random.default_rng(0))


def test_masks_are_read_packed_stacked_or_as_the_public_set_keeps_them(masks, tmp_path):
    np.savez(tmp_path / "packed.npz", mask=np.packbits(masks, axis=-1), shape=masks.shape)
    np.save(tmp_path / "stacked.npy", masks)
    np.save(tmp_path / "public.npy", masks.transpose(2, 1, 0).astype(np.uint8))
    for name in ("packed.npz", "stacked.npy", "public.npy"):
        assert np.array_equal(read_shapes(tmp_path / name), masks)


def test_a_file_without_masks_is_refused(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((5, 5)))
    (tmp_path / "text.npz").write_text("no array")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no zip")
    with zipfile.ZipFile(tmp_path / "too_large.npz", "w") as file:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000000,)}"
        file.writestr("mask.npy", b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header)
    np.savez(tmp_path / "others.npz", other=np.zeros((2, 5, 5)))
    for name, sentence in (
        ("flat.npy", "not masks"),
        ("text.npz", r"metal shapes: it is not an array file\.$"),
        ("broken.npz", r"metal shapes: it is not an array file\.$"),
        ("too_large.npz", "it is not an array file"),
        ("others.npz", "no array named mask"),
        ("missing.npy", r"metal shapes: no such file or directory\.$"),
    ):
        with pytest.raises(BadInput, match=rf"{name}.*{sentence}"):
            read_shapes(tmp_path / name)


@pytest.mark.data
def test_the_projects_own_masks_are_read(shared_data):
    masks = read_shapes(shared_data / "metal_masks" / "blobs_256.npz")
    assert masks.shape == (80, 256, 256)
    assert len(shapes_of_sizes(masks, 416)) == 10


def test_a_compressed_file_with_bytes_flipped_is_refused_in_words(masks, tmp_path) -> None:
    path = tmp_path / "shapes.npz"
    np.savez_compressed(path, mask=masks)
    data = bytearray(path.read_bytes())
    data[80:92] = bytes(255 - value for value in data[80:92])
    path.write_bytes(data)
    with pytest.raises(BadInput, match="cannot be read as metal shapes"):
        read_shapes(path)


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_whichever_byte_is_wrong_a_file_is_read_or_refused(save, tmp_path) -> None:
    save(tmp_path / "whole", **{"arr" if save is np.save else "mask": np.ones((2, 3, 4), np.uint8)})
    whole = next(tmp_path.glob("whole.*"))
    data, damaged = whole.read_bytes(), tmp_path / f"damaged{whole.suffix}"
    refused = 0
    for at, value in itertools.product(range(len(data)), (0x28, 0xFF)):
        damaged.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
        try:
            read_shapes(damaged)
        except BadInput:
            refused += 1
    assert refused > len(data) / 2
