import json

import numpy as np
import pytest

from marview.errors import BadInput, UsageError
from marview.evaluation.compare import evaluate


@pytest.fixture
def volumes(tmp_path):
    rng = np.random.default_rng(1)
    truth = rng.normal(40, 10, (4, 64, 64)).astype(np.float32)
    mask = np.zeros(truth.shape, bool)
    mask[1:3, 30:36, 20:26] = True
    good, bad = truth.copy(), truth.copy()
    good[1:3] += 5
    bad[1:3] += 50
    for name, array in (("truth", truth), ("good", good), ("bad", bad), ("mask", mask)):
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def test_slices_with_metal_are_measured_in_one_table(volumes):
    found = evaluate([volumes / "good.npy", volumes / "bad.npy"], volumes / "truth.npy", volumes / "mask.npy")
    assert found.slices == (1, 2)
    record = json.loads(found.json())
    assert record["results"]["good.npy"]["rmse_hu"] == pytest.approx(5, abs=1e-3)
    assert record["results"]["bad.npy"]["ring"]["rmse_hu"] == pytest.approx(50, abs=1e-3)
    assert len(record["results"]["bad.npy"]["by_slice"]) == 2
    [line] = [line for line in found.text().splitlines() if line.startswith("| RMSE HU")]
    assert "5.0 (5.0)" in line
    assert "50.0 (50.0)" in line


def test_without_a_mask_every_slice_that_differs_counts_and_there_is_no_ring(volumes):
    found = evaluate([volumes / "bad.npy"], volumes / "truth.npy")
    assert found.slices == (1, 2)
    assert found.record()["results"]["bad.npy"]["ring"]["psnr_db"] is None
    assert "Ring" not in found.text()


def test_the_protocols_published_rows_stand_below(volumes):
    text = evaluate([volumes / "bad.npy"], volumes / "truth.npy", protocol="syndeeplesion-640").text()
    assert "MLD-MAR" in text
    assert "family B" in text


def test_what_cannot_be_compared_is_refused(volumes):
    np.save(volumes / "short.npy", np.zeros((3, 64, 64)))
    np.save(volumes / "broken.npy", np.full((4, 64, 64), np.nan))
    for name, sentence in (
        ("short", "alike"),
        ("broken", "not numbers"),
        ("truth", "No slice"),
        ("missing", "missing"),
    ):
        with pytest.raises(BadInput, match=sentence):
            evaluate([volumes / f"{name}.npy"], volumes / "truth.npy")
    with pytest.raises(UsageError, match="no protocol"):
        evaluate([volumes / "bad.npy"], volumes / "truth.npy", protocol="syndeeplesion")
