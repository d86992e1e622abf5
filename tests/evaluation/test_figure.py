import numpy as np
from PIL import Image

from marview.evaluation.figure import Strip, draw


def test_a_strip_shows_truth_input_result_and_error_side_by_side(tmp_path):
    truth, uncorrected, result = (np.full((40, 50), hu, np.float32) for hu in (50, 275, -50))
    draw("A method", [Strip("worst", truth, uncorrected, result)] * 3, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (14 + 3 * (40 + 14 + 4), 4 * 54)
    middle = pixels[14 + 14 + 20]
    assert [int(middle[k * 54 + 25]) for k in range(4)] == [128, 255, 71, 64]
