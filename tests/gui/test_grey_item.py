"""Values are drawn as the expected shades of grey."""

import numpy as np
import pytest
from PySide6.QtCore import QRectF

from marview.gui.grey_item import shade
from marview.gui.image_view import ImageView

VALUES = np.array([[-3000.0, -160, 40, 240, 900]])


def shades(values: np.ndarray, levels: tuple[float, float] = (-160, 240)) -> list[int]:
    grey = np.empty(values.shape, np.uint8)
    shade(values, levels, grey)
    return grey[0].tolist()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float16, np.float32])
def test_values_of_any_type_get_the_same_shades(dtype) -> None:
    assert shades(VALUES.astype(dtype)) == [0, 0, 127, 255, 255]


def test_inverted_levels_mirror_the_shades() -> None:
    assert shades(VALUES, (240, -160)) == [255, 255, 127, 0, 0]


def test_nan_is_black_and_infinities_are_the_ends() -> None:
    values = np.array([[np.nan, -np.inf, np.inf]], np.float32)
    assert shades(values) == [0, 0, 255]
    assert shades(values, (240, -160)) == [0, 255, 0]


def test_equal_levels_are_a_threshold() -> None:
    assert shades(np.array([[0, 100, 102]], np.int16), (100, 100)) == [0, 0, 255]


def test_large_pictures_are_shaded_as_small_ones() -> None:
    values = np.arange(700 * 300, dtype=np.float32).reshape(700, 300)
    grey = np.empty(values.shape, np.uint8)
    shade(values, (0, 255), grey)
    np.testing.assert_array_equal(grey, np.minimum(values, 255))


def test_a_view_draws_shades_and_inverts_them(qtbot) -> None:
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(300, 300)
    view.set_picture(np.array([[-160, 240], [240, -160]], np.int16), QRectF(0, 0, 100, 100))
    view.set_smooth(is_smooth=False)
    view.look_at(QRectF(0, 0, 100, 100))
    corners = [(80, 80), (220, 80), (80, 220), (220, 220)]
    assert [view.grab().toImage().pixelColor(x, y).red() for x, y in corners] == [0, 255, 255, 0]
    view.set_levels(-160, 240, is_inverted=True)
    assert [view.grab().toImage().pixelColor(x, y).red() for x, y in corners] == [255, 0, 0, 255]
