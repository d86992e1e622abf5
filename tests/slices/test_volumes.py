"""Volumes of all file types, as read by evaluation and training."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from marview.errors import BadInput
from marview.slices.volumes import read_volume


def test_values_that_are_not_hu_are_not_a_volume_to_compare(tmp_path: Path) -> None:
    attenuation = np.random.default_rng(1).uniform(0, 0.5, (8, 8, 3)).astype(np.float32)
    nib.save(nib.Nifti1Image(attenuation, np.eye(4)), tmp_path / "attenuation.nii")
    with pytest.raises(BadInput, match="can only be looked at"):
        read_volume(tmp_path / "attenuation.nii")
