import numpy as np
import pytest
from PIL import Image

from marview.evaluation.benchmark import Entry
from marview.evaluation.front_end_methods import CorrectedSlices
from marview.evaluation.real_metal import ORIGINAL, RealScan, bone_kept, draw, measure

SIZE = 160


class Smoother:
    """Method that removes a fraction of the streaks and records the calls."""

    def __init__(self):
        self.ran = []

    def correct(self, entry, hu, mask, spacing_mm, tell, *, mapped_slice):
        self.ran.append(entry.id)
        self.clean = np.flatnonzero(~mask.any(axis=(1, 2))).tolist()
        tell(0.5)
        made = 40 + (hu - 40.0) * (1 - entry.parameters["share"])
        made[mask] = hu[mask]
        consistency = dict.fromkeys(range(len(hu)), entry.parameters["share"] / 10)
        return CorrectedSlices(made.astype(np.float32), 1.0, consistency, np.full((6, 8), 0.05, np.float32))


@pytest.fixture
def scan():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    metal = np.stack([np.hypot(x, y) < 3, np.hypot(x, y) < 4, np.hypot(x, y) < 0])
    near = np.exp(-((np.hypot(x, y) / 20) ** 2))
    hu = 40 + 10 * rng.normal(size=metal.shape) + np.array([40, 80, 0])[:, None, None] * near * np.sin(x)
    hu[metal] = 3000
    return RealScan.of(hu.round().astype(np.int16), metal, (1.0, 1.0, 1.0), every=1)


ENTRIES = [Entry("half", "Half", {"share": 0.3}), Entry("most", "Most", {"share": 0.6})]


def test_only_slices_with_metal_count_and_the_worst_is_found(scan):
    assert scan.indices == [0, 1]
    assert scan.worst == 1


def test_original_comes_first_and_what_is_made_is_kept(scan, tmp_path):
    methods, told = Smoother(), []
    rows = measure(scan, ENTRIES, methods, tmp_path, lambda fraction, text: told.append((fraction, text)))
    assert [row.title for row in rows] == [ORIGINAL, "Half", "Most"]
    assert methods.clean == [2]
    assert all(len(row.hu) == 2 for row in rows)
    assert [row.consistency for row in rows] == pytest.approx([0, 0.03, 0.06])
    assert all(row.streak_index > 1 for row in rows)
    assert told == [(0.25, "Half"), (0.75, "Most")]
    again = measure(scan, ENTRIES, methods, tmp_path)
    assert methods.ran == ["half", "most"]
    assert [row.streak_index for row in again] == [row.streak_index for row in rows]
    measure(scan, [Entry("half", "Half", {"share": 0.3}, version="2")], methods, tmp_path)
    assert methods.ran[2:] == ["half"]


def test_the_figure_has_a_column_for_each_image(scan, tmp_path):
    rows = measure(scan, ENTRIES, Smoother(), tmp_path)
    draw(scan, rows, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.width == 3 * 360
        assert figure.height > 2 * 360


def test_bone_kept_counts_only_bone_near_metal():
    original = np.full((1, 80, 80), 40.0, np.float32)
    mask = np.zeros(original.shape, bool)
    mask[0, 38:42, 10:14] = True
    original[mask] = 3000
    original[0, 30:50, 22:30] = 800
    original[0, 30:50, 60:70] = 800  # farther than 20 pixels
    result = original.copy()
    result[0, 30:40, 22:30] = 40
    result[0, 30:50, 60:70] = 40
    assert bone_kept(original, original, mask) == 1
    assert bone_kept(result, original, mask) == pytest.approx(0.5, abs=0.05)


def test_bone_kept_is_not_a_number_without_bone():
    original = np.full((1, 32, 32), 40.0, np.float32)
    mask = np.zeros(original.shape, bool)
    mask[0, 14:16, 14:16] = True
    assert np.isnan(bone_kept(original, original, mask))
