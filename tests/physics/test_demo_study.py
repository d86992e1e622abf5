"""The demo studies."""

import numpy as np
import pytest

from marview.errors import UsageError
from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.scenes import TWELVE_BIT_HU, scene
from marview.physics.demo_study import DemoStudy, make_demo
from marview.physics.implants import rasterize

KINDS = ("hip", "spine", "dental")


@pytest.fixture(scope="module", params=KINDS)
def painted(request: pytest.FixtureRequest) -> tuple[str, Canvas, np.ndarray]:
    chosen = scene(request.param)
    canvas = Canvas((8, 128, 128), tuple(4 * step if k else 5 * step for k, step in enumerate(chosen.spacing_mm)), 1)
    chosen.painter(canvas)
    shares = rasterize(chosen.implants, (canvas.z.ravel(), canvas.y.ravel(), canvas.x.ravel()))
    return request.param, canvas, np.sum(list(shares.values()), axis=0) >= 0.5


def test_a_body_has_air_fat_muscle_and_bone(painted: tuple[str, Canvas, np.ndarray]) -> None:
    _, canvas, _ = painted
    shares = {
        "air": (canvas.hu < -900).mean(),
        "fat": ((canvas.hu > -140) & (canvas.hu < -60)).mean(),
        "soft": ((canvas.hu > 0) & (canvas.hu < 90)).mean(),
        "bone": (canvas.hu > 250).mean(),
    }
    assert all(share > 0.005 for share in shares.values()), shares
    assert canvas.hu.max() < TWELVE_BIT_HU


def test_metal_lies_in_the_body(painted: tuple[str, Canvas, np.ndarray]) -> None:
    _, canvas, metal = painted
    assert metal.any()
    assert (canvas.hu[metal] > -400).mean() > 0.98


def test_an_unknown_kind_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match=r"no demo study 'ear'.*hip, spine, dental"):
        make_demo("ear")


@pytest.fixture(scope="module")
def hip() -> DemoStudy:
    return make_demo("hip")


@pytest.mark.slow
def test_the_hip_study_shows_metal_and_dark_bands(hip: DemoStudy) -> None:
    assert hip.hu.shape == hip.truth_hu.shape == hip.metal.shape == hip.grid.shape == (40, 512, 512)
    assert hip.hu.max() == TWELVE_BIT_HU
    assert (hip.hu[hip.metal] > 2500).mean() > 0.8
    worst = hip.metal.sum(axis=(1, 2)).argmax()
    between = (slice(256, 262), slice(230, 282))
    assert (hip.hu[worst].astype(float) - hip.truth_hu[worst])[between].mean() < -200


@pytest.mark.slow
def test_slices_without_metal_are_close_to_the_truth(hip: DemoStudy) -> None:
    free = np.flatnonzero(~hip.metal.any(axis=(1, 2)))
    body = hip.truth_hu[free] > -300
    assert np.abs(hip.hu[free].astype(float) - hip.truth_hu[free])[body].mean() < 40


@pytest.mark.slow
def test_the_same_seed_gives_the_same_study(hip: DemoStudy) -> None:
    np.testing.assert_array_equal(make_demo("hip").hu, hip.hu)
