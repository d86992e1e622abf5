import numpy as np
import pytest
from skimage.metrics import structural_similarity

from marview.errors import UsageError
from marview.metrics import ssim
from marview.metrics.ssim import ssim_in


def test_of_two_flat_images_is_the_luminance_term_by_hand():
    c1 = 0.01**2
    by_hand = (2 * 0.5 * 0.6 + c1) / (0.5**2 + 0.6**2 + c1)
    assert ssim(np.full((64, 64), 0.5), np.full((64, 64), 0.6)) == pytest.approx(by_hand, abs=1e-12)


def test_of_equal_images_is_1(rng):
    image = rng.random((100, 80))
    assert ssim(image, image) == pytest.approx(1)


def test_small_images_agree_with_scikit_image(rng):
    first = rng.random((200, 180))
    second = np.clip(first + rng.normal(0, 0.1, first.shape), 0, 1)
    peer = structural_similarity(
        first, second, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
    )
    assert ssim(first, second) == pytest.approx(peer, abs=1e-9)


@pytest.mark.parametrize("edge", [384, 416, 512, 639])
def test_images_of_416_pixels_are_averaged_over_blocks_of_two_starting_at_the_first_pixel(edge):
    stripes = np.tile([0.0, 1.0], edge // 2 + 1)[:edge] * np.ones((edge, 1))
    inside = [np.ones((edge, edge), bool)]
    inside[0][:, -16:] = False  # an odd edge's last block is its last pixel twice
    assert ssim_in(stripes, np.full((edge, edge), 0.5), inside)[0] == pytest.approx(1)


def test_a_383_pixel_image_is_unchanged():
    stripes = np.tile([0.0, 1.0], 192)[:383] * np.ones((383, 1))
    assert ssim(stripes, np.full((383, 383), 0.5)) < 0.1


def test_in_a_region_counts_only_the_windows_in_its_middle(rng):
    truth = rng.random((416, 416))
    result = truth.copy()
    result[:100] = 0
    far, near = np.zeros((2, 416, 416), bool)
    far[200:], near[20:60] = True, True
    undisturbed, disturbed, empty = ssim_in(truth, result, [far, near, np.zeros_like(far)])
    assert undisturbed == pytest.approx(1)
    assert disturbed < 0.5
    assert np.isnan(empty)


def test_an_image_smaller_than_the_window_is_refused():
    with pytest.raises(UsageError, match="11 x 11"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))
