import numpy as np
import pytest

from marview.geometry import processing_beam, processing_pixel_mm


@pytest.mark.parametrize(("shape", "spacing_mm"), [((512, 512), (0.7, 0.7)), ((101, 122), (0.75, 0.8))])
def test_the_processing_grid_holds_the_slice_and_the_detector_sees_all_of_it(shape, spacing_mm) -> None:
    pixel_mm = processing_pixel_mm(shape, spacing_mm)
    assert pixel_mm * 416 >= max(np.multiply(shape, spacing_mm)) - 1e-9
    beam = processing_beam(pixel_mm)
    corner = pixel_mm * 416 / np.sqrt(2)
    magnified = corner * beam.source_to_detector_mm / beam.source_to_isocentre_mm
    assert beam.bins * beam.bin_mm / 2 == pytest.approx(magnified)
