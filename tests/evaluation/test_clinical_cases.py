"""Dense metal in clean slices, stored as in a clinical archive."""

import numpy as np

from marview.evaluation.clinical_cases import METALS, list_clinical
from marview.evaluation.front_end_methods import FoundMetal
from marview.physics import protocol
from marview.slices.clean import CleanSlice
from marview.slices.shapes import Shape


def test_only_the_image_of_a_clinical_case_is_known_on_the_scale_of_its_file() -> None:
    y, x = np.mgrid[:256, :256] - 127.5
    body = np.where(np.hypot(x, y * 1.3) < 100, 40.0, -1000.0).astype(np.float32)
    slices = [CleanSlice(f"slice {number}", lambda: body, f"patient {number}") for number in range(2)]
    shapes = [Shape((np.ones((12, 12), np.float32),))]
    found: dict[str, FoundMetal] = {}
    listed = list_clinical(slices, shapes, protocol("adn-256"), found.__setitem__, lowest_hu=-1024, highest_hu=3071)
    assert [each.name for each in listed] == [f"slice {k} {metal}" for k, metal in enumerate(METALS)]
    known = listed[1].read()
    assert known.case.measured_sinogram is None
    assert known.uncorrected_hu.min() >= -1024
    assert known.uncorrected_hu.max() == 3071
    assert found["slice 1 au"].mask.shape == known.metal.shape
    assert (found["slice 1 au"].mask & known.metal).any()
