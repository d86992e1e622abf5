import numpy as np
import pytest

from marview.gui.scene.camera import Camera


@pytest.mark.parametrize(
    ("camera", "forward", "right", "up"),
    [
        (Camera(), (0, 1, 0), (1, 0, 0), (0, 0, 1)),
        (Camera(azimuth_deg=90), (-1, 0, 0), (0, 1, 0), (0, 0, 1)),
        (Camera(elevation_deg=90), (0, 0, -1), (1, 0, 0), (0, 1, 0)),
    ],
)
def test_front_left_and_top_views(camera, forward, right, up) -> None:
    np.testing.assert_allclose(camera.forward, forward, atol=1e-12)
    np.testing.assert_allclose(camera.right, right, atol=1e-12)
    np.testing.assert_allclose(camera.up, up, atol=1e-12)


def test_the_scene_follows_the_mouse() -> None:
    front = np.array([0.0, -1.0, 0.0])  # a point on the side of the viewer
    before = Camera()
    right = before.turned(50, 0)
    assert front @ right.right > front @ before.right
    down = before.turned(0, 50)
    assert front @ down.up < front @ before.up


def test_a_turn_stops_at_head_and_feet_and_zoom_has_limits() -> None:
    assert Camera().turned(0, 10_000).elevation_deg == 89
    assert Camera().zoomed(1e9).zoom == 20
    assert Camera().zoomed(1e-9).zoom == 0.2
