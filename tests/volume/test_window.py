"""HU window to grey values; the presets have their values."""

import tomllib

import numpy as np
import pytest

from marview.errors import UsageError
from marview.paths import resources
from marview.volume.window import LUT_LOWEST_HU, HuWindow


def test_black_and_white_lie_half_a_width_from_the_level() -> None:
    window = HuWindow(1500, -600)
    assert (window.low_hu, window.high_hu) == (-1350, 150)
    assert window.grey(np.array([-2000, -1350, 150, 3000])).tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize(("width", "level"), [(0, 40), (float("nan"), 40), (float("inf"), 40), (400, float("nan"))])
def test_a_window_is_finite_and_wider_than_nothing(width: float, level: float) -> None:
    with pytest.raises(UsageError, match="HU window"):
        HuWindow(width, level)


def test_the_table_says_the_same_as_the_window() -> None:
    window = HuWindow(400, 40)
    hu = np.random.default_rng(0).integers(-32768, 32768, (20, 20)).astype(np.int16)
    np.testing.assert_array_equal(window.lut()[hu.astype(np.int32) - LUT_LOWEST_HU], window.grey(hu))


def test_nan_pixels_are_black() -> None:
    assert HuWindow(400, 40).grey(np.array([np.nan])).tolist() == [0]


@pytest.mark.parametrize("width", [0, -5, float("nan")])
def test_a_window_has_a_width(width: float) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        HuWindow(width, 40)


PRESETS = {
    1: (400, 40),
    2: (1500, -600),
    3: (150, 90),
    4: (2500, 480),
    5: (80, 40),
    6: (350, 50),
    7: (4000, 1000),
    8: (4096, 1024),
    9: (32000, 12000),
}


def test_the_number_keys_hold_the_windows_of_the_design() -> None:
    rows = tomllib.loads((resources() / "presets.toml").read_text(encoding="utf-8"))["preset"]
    assert {row["key"]: (row["width_hu"], row["level_hu"]) for row in rows if "key" in row} == PRESETS
    menu = {(row["width_hu"], row["level_hu"]) for row in rows if "key" not in row}
    assert {(450, 50), (1040, 40), (400, 0)} <= menu
