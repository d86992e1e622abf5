import numpy as np
import pytest
import torch

from marview.worker.resampling import SIZE, SliceFrame

FRAMES = [SliceFrame((512, 512), (0.7, 0.7)), SliceFrame((101, 122), (3.0, 3.0)), SliceFrame((320, 200), (0.8, 1.6))]


def _smooth(frame: SliceFrame, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> np.ndarray:
    """A smooth picture in mm, independent of the grid, that fades towards the edge of the field."""
    y, x = ((np.arange(n) - (n - 1) / 2) * pitch for n, pitch in zip(shape, spacing_mm, strict=True))
    scale = frame.pixel_mm * SIZE / 8
    return 500 * np.exp(-((y[:, None] - scale / 3) ** 2 + (x[None, :] + scale / 2) ** 2) / scale**2)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_grid_is_square_and_holds_the_slice(frame: SliceFrame) -> None:
    field = SIZE * frame.pixel_mm
    lengths = [n * pitch for n, pitch in zip(frame.shape, frame.spacing_mm, strict=True)]
    assert field == pytest.approx(max(lengths))


@pytest.mark.parametrize("frame", FRAMES)
def test_places_in_mm_stay(frame: SliceFrame) -> None:
    native = _smooth(frame, frame.shape, frame.spacing_mm)
    there = frame.to_processing(np.rint(native).astype(np.int16)[None])[0].numpy()
    expected = _smooth(frame, (SIZE, SIZE), (frame.pixel_mm, frame.pixel_mm))
    inside = there > -999
    assert np.abs(there - expected)[inside & (expected > 1)].max() < 500 * 0.02


@pytest.mark.parametrize("frame", FRAMES)
def test_a_correction_comes_back_where_it_was(frame: SliceFrame) -> None:
    correction = _smooth(frame, (SIZE, SIZE), (frame.pixel_mm, frame.pixel_mm)).astype(np.float32)
    back = frame.to_native(torch.from_numpy(correction)[None])[0].numpy()
    assert np.abs(back - _smooth(frame, frame.shape, frame.spacing_mm)).max() < 500 * 0.01


@pytest.mark.parametrize("frame", FRAMES)
def test_a_flat_correction_stays_flat_inside_the_circle_and_ends_softly_with_it(frame: SliceFrame) -> None:
    back = frame.to_native(torch.full((1, SIZE, SIZE), 10.0))[0].numpy()
    y, x = ((np.arange(n) - (n - 1) / 2) * pitch for n, pitch in zip(frame.shape, frame.spacing_mm, strict=True))
    radius = np.hypot(y[:, None], x[None, :]) / (SIZE * frame.pixel_mm / 2)
    np.testing.assert_allclose(back[radius < 0.96], 10, atol=1e-3)
    assert not back[radius >= 1].any()
    assert back.min() >= 0
    assert back.max() < 10.01


def test_padding_becomes_air_and_is_never_changed() -> None:
    frame = SliceFrame((64, 64), (1.0, 1.0))
    hu = np.full((1, 64, 64), -3024, np.int16)
    hu[0, 16:48, 16:48] = 20_000
    there = frame.to_processing(hu)
    assert float(there.min()) == -1000
    np.testing.assert_array_equal(frame.changeable(hu)[0].numpy(), hu[0] > -3024)


def test_dark_streaks_and_bright_metal_keep_their_values() -> None:
    frame = SliceFrame((SIZE, SIZE), (1.0, 1.0))
    hu = np.full((1, SIZE, SIZE), -1000, np.int16)
    hu[0, 100:300, 100:300] = 40
    hu[0, 150:160, 120:280] = -3320
    hu[0, 200:220, 150:170] = 27_828
    np.testing.assert_allclose(frame.to_processing(hu)[0].numpy(), hu[0], atol=0.01)
    assert bool(frame.changeable(hu).all())


def test_beside_a_slice_that_is_not_square_lies_air() -> None:
    frame = SliceFrame((64, 32), (1.0, 1.0))
    there = frame.to_processing(np.full((1, 64, 32), 40, np.int16))[0]
    assert torch.equal(there[:, :100], torch.full((SIZE, 100), -1000.0))
    assert float(there[208, 208]) == pytest.approx(40, abs=1e-2)


@pytest.mark.parametrize("frame", FRAMES)
def test_no_metal_is_lost_and_its_area_stays(frame: SliceFrame) -> None:
    random = np.random.default_rng(3)
    dots = np.zeros((1, *frame.shape), bool)
    rows, columns = (random.integers(5, n - 5, 20) for n in frame.shape)
    dots[0, rows, columns] = True
    there = frame.mask_to_processing(dots)[0].numpy()
    for row, column in zip(rows, columns, strict=True):
        place = [
            round((index - (n - 1) / 2) * pitch / frame.pixel_mm + (SIZE - 1) / 2)
            for index, n, pitch in zip((row, column), frame.shape, frame.spacing_mm, strict=True)
        ]
        assert there[place[0], place[1]]

    y, x = ((np.arange(n) - (n - 1) / 2) * pitch for n, pitch in zip(frame.shape, frame.spacing_mm, strict=True))
    disc = np.hypot(y[:, None], x[None, :]) < SIZE * frame.pixel_mm / 8
    area = float(frame.mask_to_processing(disc[None]).sum()) * frame.pixel_mm**2
    assert area == pytest.approx(disc.sum() * frame.spacing_mm[0] * frame.spacing_mm[1], rel=0.03)


def test_coarser_pixels_do_not_widen_a_screw() -> None:
    frame = SliceFrame((512, 512), (0.8, 0.8))
    screw = np.zeros((1, 512, 512), bool)
    screw[0, 200:300, 250:257] = True
    there = frame.mask_to_processing(screw)
    assert torch.equal(there, frame.share_to_processing(screw) >= 0.499)


@pytest.mark.parametrize("seed", range(8))
def test_a_partly_updated_mask_equals_a_recomputed_one(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows, columns = (int(n) for n in generator.integers(60, 300, 2))
    frame = SliceFrame((rows, columns), (float(generator.uniform(0.4, 2)), float(generator.uniform(0.4, 2))))
    mask = generator.random((2, rows, columns)) > 0.97
    there = frame.mask_to_processing(mask)
    y, x = int(generator.integers(rows)), int(generator.integers(columns))
    changed = (slice(0, 2), slice(y, min(y + 20, rows)), slice(x, min(x + 30, columns)))
    mask[changed] ^= True
    frame.renew(there, mask, changed)
    assert torch.equal(there, frame.mask_to_processing(mask))
