"""Values that cannot be HU give a finding, and unusual images in HU give none."""

import numpy as np
import pytest

from marview.dicom import Kind, Outcome
from marview.dicom.pixels import PADDING_HU
from marview.dicom.plausible import values_findings

Y, X = np.mgrid[-32:32, -32:32] + 0.5
CORNERS = np.hypot(Y, X) > 32


def phantom(noise_hu: float = 8, metal_hu: int = 8000) -> np.ndarray:
    """A body of water with bone, two pieces of metal and a dark streak between them, `[z, y, x]` in HU."""
    hu = np.full((6, 64, 64), -1000.0)
    hu[:, np.hypot(Y / 26, X / 28) < 1] = 40
    hu[:, np.hypot(Y - 13, X) < 4] = 900
    hu[:, 31:33, 20:44] -= 250
    for side in (-13, 13):
        hu[1:5, np.hypot(Y, X - side) < 2.3] = metal_hu
    return hu + np.random.default_rng(2).normal(0, noise_hu, hu.shape) * (hu > -1000)


def of_kinds(hu, *, is_padded=False):
    stored = np.clip(np.rint(hu), -32768, 32767).astype(np.int16)
    return [finding.kind for finding in values_findings(stored, "x", is_padded=is_padded)]


NOISE = np.random.default_rng(4).normal(0, 20, (6, 64, 64))


@pytest.mark.parametrize(
    "hu",
    [
        phantom(),
        phantom() + NOISE,
        np.where(CORNERS, -2000, phantom()),
        np.where(CORNERS, -3024, phantom() + NOISE),
        np.where(Y < -20, -2000, phantom() + NOISE),
        np.where((np.abs(Y) < 1) & (np.abs(X) < 13), -2000 + 10 * NOISE, phantom()),
        phantom() + 10 * NOISE,
        np.where(phantom() > -500, phantom(), -850 + NOISE),
    ],
    ids=["plain", "noisy", "corners", "noisy corners", "margin", "streaks", "very noisy", "lung"],
)
def test_values_that_can_be_hu_are_not_named(hu):
    assert of_kinds(hu) == []


@pytest.mark.parametrize(
    "hu",
    [
        phantom() - 1000,
        phantom() - 1000 + NOISE,
        phantom() - 500 + NOISE,
        np.where(CORNERS, -3024, phantom() - 1000 + NOISE),
        -phantom() - 2048,
        phantom() + 1000,
        np.where(CORNERS, -1000, phantom() + 1000),
        np.where(CORNERS, -1024, phantom() + 1000 + NOISE),
        np.clip((phantom() + 1000) / 20, 0, 255),
    ],
    ids=["-1000", "noisy -1000", "-500", "corners", "inverted", "+1000", "disc", "noisy disc", "grey"],
)
def test_values_that_cannot_be_hu_are_named(hu):
    assert of_kinds(hu) == [Kind.NOT_HU]


def test_missing_slices_do_not_count_as_air():
    hu = phantom() + 1000
    hu[3] = PADDING_HU
    assert of_kinds(hu, is_padded=True) == [Kind.NOT_HU]


def test_a_mask_of_a_few_voxels_is_named_with_its_whole_range():
    mask = np.zeros((6, 64, 64), np.int16)
    mask[3, 32, 32:34] = 1
    (finding,) = values_findings(mask, "metal.nii.gz", is_padded=False, are_labels=True)
    assert finding.kind is Kind.LABELS
    assert "metal.nii.gz are between 0 and 1, like" in finding.sentence


def test_values_that_are_all_air_are_named():
    hu = np.full((3, 16, 16), -1024, np.int16)
    hu[:, 4:12, 4:12] = -1021  # tissue and bone with a slope a thousand times too small
    (finding,) = values_findings(hu, "the series", is_padded=False)
    assert finding.kind == Kind.NOT_HU
    assert "about -1021, like air (-1000 HU). The rescale slope may be wrong" in finding.sentence
    assert finding.outcome == Outcome.WARNS
