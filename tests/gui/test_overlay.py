import numpy as np
import pytest
from PySide6.QtGui import QColor

from marview.gui.overlay import MaskPicture, outlined, ramp


def alphas(image) -> np.ndarray:
    return np.array([[image.pixelColor(x, y).alpha() for x in range(image.width())] for y in range(image.height())])


def test_a_mask_is_faint_inside_and_strong_on_its_inner_edge() -> None:
    mask = np.zeros((9, 11), bool)
    mask[2:7, 3:9] = True
    found = alphas(outlined(mask, QColor("orange"), 90, 235))
    inner = np.zeros_like(mask)
    inner[3:6, 4:8] = True
    np.testing.assert_array_equal(found, np.where(inner, 90, np.where(mask, 235, 0)))


def test_a_mask_at_the_border_is_outlined_there() -> None:
    found = alphas(outlined(np.ones((4, 5), bool), QColor("orange"), 90, 235))
    assert set(found[0]) == {235}
    assert set(found[1:3, 1:4].ravel()) == {90}


def test_nothing_is_not_a_picture() -> None:
    assert outlined(np.zeros((4, 4), bool), QColor("orange"), 90, 235) is None
    assert ramp(np.zeros((4, 4), np.float32), QColor("orange")) is None


def test_a_ramp_grows_with_strength_and_ends() -> None:
    found = alphas(ramp(np.array([[0, 0.25, 0.5, 1, 7]], np.float32), QColor("orange"), 200))[0]
    assert found[0] == 0
    assert found[1] < found[2] < found[3] == found[4] == 200


@pytest.mark.parametrize(
    "place",
    [(slice(3, 9), slice(4, 8)), (slice(0, 4), slice(0, 3)), (slice(8, 12), slice(6, 10)), (slice(0), slice(0))],
)
def test_a_painted_mask_looks_like_any_other(place: tuple[slice, slice]) -> None:
    mask = np.zeros((12, 10), bool)
    mask[place] = True
    picture = MaskPicture(QColor("orange"), 90, 235)
    picture.draw(np.ones_like(mask))  # the earlier picture must disappear

    found = alphas(picture.draw(mask))

    plain = outlined(mask, QColor("orange"), 90, 235)
    np.testing.assert_array_equal(found, np.zeros(mask.shape) if plain is None else alphas(plain))


def test_the_next_mask_leaves_nothing_of_the_one_before() -> None:
    drawn = MaskPicture(QColor("orange"), 90, 235)
    first, painted, second = (np.zeros((20, 24), bool) for _ in range(3))
    first[2:6, 3:9] = True
    drawn.draw(first)
    painted[:] = first
    painted[12:17, 14:20] = True
    drawn.redraw(painted, slice(12, 17), slice(14, 20))
    second[8:11, 1:5] = True
    np.testing.assert_array_equal(alphas(drawn.draw(second)), alphas(outlined(second, QColor("orange"), 90, 235)))
    assert not alphas(drawn.draw(np.zeros((20, 24), bool))).any()
