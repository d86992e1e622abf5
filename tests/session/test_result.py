"""Laws of results."""

import numpy as np

from marview.session.result import KeptMask


def test_a_kept_mask_is_the_mask_of_its_slices() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((5, 9, 7), bool)
    mask[1, 2:5, 3:] = rng.random((3, 4)) < 0.5
    mask[2, 0, 0] = mask[2, -1, -1] = True
    mask[4] = True

    kept = KeptMask(mask, [1, 2, 3])

    for z in (1, 2, 3):
        np.testing.assert_array_equal(kept[z], mask[z])
    assert not kept[4].any(), "nobody asked for this slice"
    assert kept.span == slice(1, 4)
    written = kept.write_to(np.zeros_like(mask))
    np.testing.assert_array_equal(written[1:4], mask[1:4])
    assert not written[[0, 4]].any()


def test_a_kept_mask_may_hold_no_metal() -> None:
    kept = KeptMask(np.zeros((2, 3, 4), bool), [])

    assert kept.span == slice(0, 0)
    assert not kept.write_to(np.zeros((2, 3, 4), bool)).any()
