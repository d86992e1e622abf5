"""A series and its metal mask."""

import numpy as np
import pytest

from marview import dicom
from marview.dicom import LoadedSeries
from tests.dicom.mask_file.cases import SHAPE, write_series


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> LoadedSeries:
    return dicom.open_series(write_series(tmp_path_factory.mktemp("mask_file") / "series"))


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 4:8, 2:6] = mask[3, 5, 5] = True
    return mask
