import numpy as np
import pytest

from marview.gui.scene.voxels import Voxels, box_of, box_of_dense, coarsened, cut_out, without_metal

AFFINE = np.array([[0, 0.1, 0.8, 5], [0, 0.7, 0, -3], [2.5, 0, 0, 11], [0, 0, 0, 1.0]])


def place(voxels: Voxels, index) -> np.ndarray:
    return voxels.affine[:3, :3] @ np.array(index) + voxels.affine[:3, 3]


def test_a_block_stays_where_it_lies_in_the_patient() -> None:
    values = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
    part = cut_out(values, AFFINE, (slice(1, 4), slice(2, 5), slice(3, 6)))
    assert part.values[0, 0, 0] == values[1, 2, 3]
    np.testing.assert_allclose(place(part, (0, 0, 0)), place(Voxels(values, AFFINE), (1, 2, 3)))


def test_coarse_voxels_are_means_about_as_cubic_as_they_can_be_and_stay_in_place() -> None:
    values = np.zeros((4, 64, 64), np.int16)
    values[:, 30:34, 30:34] = 1000
    coarse = coarsened(Voxels(values, AFFINE), 4 * 16 * 16)
    assert coarse.values.size <= 4 * 16 * 16
    assert coarse.values.shape[0] == 4  # 2.5 mm slices are the coarsest already
    heavy = coarse.values.astype(float)
    index = [np.average(axis, weights=heavy) for axis in np.indices(heavy.shape)]
    fine = [np.average(axis, weights=values) for axis in np.indices(values.shape)]
    np.testing.assert_allclose(place(coarse, index), place(Voxels(values, AFFINE), fine), atol=1e-9)


def test_a_coarse_enough_volume_is_not_copied() -> None:
    voxels = Voxels(np.zeros((2, 3, 4), np.int16), AFFINE)
    assert coarsened(voxels, 24) is voxels


def test_the_box_of_bone_contains_all_bone_or_all_voxels_without_bone() -> None:
    hu = np.full((10, 40, 40), -1000, np.int16)
    assert box_of_dense(hu) == (slice(0, 10), slice(0, 40), slice(0, 40))
    hu[4:7, 20:24, 8:12] = 900
    box = box_of_dense(hu)
    assert (hu[box] > 150).sum() == (hu > 150).sum()
    assert box[1].start > 4


def test_an_empty_mask_has_no_box() -> None:
    assert box_of(np.zeros((3, 3, 3), bool)) is None


def test_metal_gives_way_to_its_surface() -> None:
    values = np.full((9, 30, 30), 300, np.int16)
    values[4, 15, 15] = 3000
    mask = values > 2000
    metal = cut_out(mask, AFFINE, box_of(mask))
    shown = without_metal(cut_out(values, AFFINE, (slice(1, 9), slice(4, 30), slice(4, 30))), metal)
    assert shown.values.max() == 300
    assert shown.values[3, 11, 11] == 40
    assert values[4, 15, 15] == 3000


@pytest.mark.parametrize("shape", [(1, 8, 8), (8, 1, 8)])
def test_thin_volumes_can_be_coarsened(shape) -> None:
    assert coarsened(Voxels(np.zeros(shape, np.int16), AFFINE), 16).values.size <= 16
