"""Volumes of all file types, as read by evaluation and training."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from marview.errors import BadInput
from marview.slices.volumes import open_volume, read_array, read_mask, read_volume


def test_values_that_are_not_hu_are_not_a_volume_to_compare(tmp_path: Path) -> None:
    attenuation = np.random.default_rng(1).uniform(0, 0.5, (8, 8, 3)).astype(np.float32)
    nib.save(nib.Nifti1Image(attenuation, np.eye(4)), tmp_path / "attenuation.nii")
    with pytest.raises(BadInput, match="can only be viewed"):
        read_volume(tmp_path / "attenuation.nii")


@pytest.mark.parametrize("name", ["slices.npy", "slices.npz"])
def test_an_array_is_a_volume_and_a_single_slice_too(tmp_path: Path, name: str) -> None:
    hu = np.arange(20, dtype=np.int16).reshape(4, 5)
    path = tmp_path / name
    np.save(path, hu) if path.suffix == ".npy" else np.savez(path, hu=hu)
    opened = open_volume(path)
    assert opened.series is None
    assert opened.hu.dtype == np.float32
    np.testing.assert_array_equal(opened.hu, hu[None])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_volume_with_values_that_are_not_numbers_is_refused(tmp_path: Path, wrong: float) -> None:
    np.save(tmp_path / "hu.npy", np.array([[0.0, wrong]], np.float32))
    with pytest.raises(BadInput, match=r"hu\.npy contains non-finite values"):
        read_volume(tmp_path / "hu.npy")
    assert read_array(tmp_path / "hu.npy", "hu").shape == (1, 1, 2)


def test_a_file_without_slices_is_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", other=np.zeros((2, 5, 5)))
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    (tmp_path / "text.npy").write_text("no array")
    for name, says in (
        ("other.npz", "no array named hu"),
        ("flat.npy", r"of shape \(5,\), not slices"),
        ("words.npy", "not slices"),
        ("text.npy", "it is not an array file"),
        ("missing.npy", "no such file"),
    ):
        with pytest.raises(BadInput, match=rf"{name} .*{says}"):
            read_array(tmp_path / name, "hu")


def test_a_mask_as_array_lies_on_the_voxels_of_the_volume(tmp_path: Path) -> None:
    np.save(tmp_path / "hu.npy", np.zeros((2, 4, 5), np.int16))
    mask = np.zeros((2, 4, 5), np.uint8)
    mask[1, 2, 3] = 7
    np.savez(tmp_path / "mask.npz", mask=mask)
    volume = open_volume(tmp_path / "hu.npy")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.npz", volume).mask, mask > 0)
    nib.save(nib.Nifti1Image(mask, np.eye(4)), tmp_path / "mask.nii.gz")
    with pytest.raises(BadInput, match=r"mask\.nii\.gz has a position in the patient, but the volume"):
        read_mask(tmp_path / "mask.nii.gz", volume)
