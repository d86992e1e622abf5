import numpy as np
import pytest
from PIL import Image

from marview.errors import UsageError
from marview.evaluation.figure import Strip, draw

STRIP = Strip("worst", *(np.full((40, 50), hu, np.float32) for hu in (50, 275, -50)))


def test_a_strip_shows_truth_input_result_and_error_side_by_side(tmp_path):
    draw("A method", [STRIP] * 3, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (14 + 3 * (40 + 14 + 4), 4 * 54)
    middle = pixels[14 + 14 + 20]
    assert [int(middle[k * 54 + 25]) for k in range(4)] == [128, 255, 71, 64]


def test_a_figure_replaces_an_earlier_one_and_no_picture_of_another_origin(tmp_path):
    figure, photo = tmp_path / "figure.png", tmp_path / "photo.png"
    for _ in range(2):
        draw("A method", [STRIP], figure)
    Image.new("L", (8, 8)).save(photo)
    before = photo.read_bytes()
    with pytest.raises(UsageError, match=r"photo\.png contains data that marview did not write"):
        draw("A method", [STRIP], photo)
    assert photo.read_bytes() == before
