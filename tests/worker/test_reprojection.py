"""A run of a sweep reuses re-projections of the same volume, and nothing else."""

import pytest
import torch

from marview.geometry import ParallelBeam
from marview.methods.api import MarCase
from marview.projection import Projector
from marview.worker.reprojection import Reprojections

BEAM = ParallelBeam(views=6, bins=24, bin_mm=1.0)
SINOGRAM_BYTES = 6 * 24 * 4


@pytest.fixture
def projected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of slices of each forward projection."""
    counts: list[int] = []
    forward = Projector.forward

    def count(self, image):
        counts.append(len(image))
        return forward(self, image)

    monkeypatch.setattr(Projector, "forward", count)
    return counts


def case(slices: list[int], seed: int = 0) -> MarCase:
    images = torch.stack([torch.rand((16, 16), generator=torch.Generator().manual_seed(seed + k)) for k in slices])
    return MarCase(images * 100, torch.zeros_like(images, dtype=torch.bool), 1.0, BEAM, slices)


def test_a_slice_is_projected_once_and_given_again(projected) -> None:
    kept = Reprojections()
    kept.begin("volume")
    first, second = case([3, 4]), case([4, 5, 3])
    assert kept.give(first) == 2
    kept.begin("volume")
    assert kept.give(second) == 1
    assert projected == [2, 1]
    torch.testing.assert_close(second.sinogram, case([4, 5, 3]).sinogram)
    assert torch.equal(second.sinogram[2], first.sinogram[0])
    assert second.measured_sinogram is None


def test_a_method_that_writes_to_its_sinogram_spoils_no_other_run() -> None:
    kept = Reprojections()
    kept.begin("volume")
    first, second = case([0]), case([0])
    kept.give(first)
    expected = first.sinogram.clone()
    first.sinogram.zero_()
    kept.give(second)
    assert torch.equal(second.sinogram, expected)


@pytest.mark.parametrize("other", ["another volume", None])
def test_nothing_of_another_volume_is_given(projected, other) -> None:
    kept = Reprojections()
    kept.begin("volume")
    kept.give(case([0]))
    kept.begin(other)
    assert kept.give(case([0], seed=7)) == 1
    assert projected == [1, 1]


def test_slices_beyond_the_cache_are_projected_again(projected) -> None:
    kept = Reprojections(limit_bytes=2 * SINOGRAM_BYTES)
    kept.begin("volume")
    assert kept.give(case([0, 1, 2])) == 3
    assert kept.give(case([0, 1, 2])) == 1
    assert projected == [3, 1]
