import json

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput, UsageError
from marview.evaluation.compare import evaluate
from marview.export import write_nifti
from marview.geometry import Grid


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
    assert found.slices == (2, 3)
    record = json.loads(found.json())
    assert record["results"]["good.npy"]["rmse_hu"] == pytest.approx(5, abs=1e-3)
    assert record["results"]["bad.npy"]["ring"]["rmse_hu"] == pytest.approx(50, abs=1e-3)
    assert len(record["results"]["bad.npy"]["by_slice"]) == 2
    [line] = [line for line in found.text().splitlines() if line.startswith("| RMSE HU")]
    assert "5.0 (5.0)" in line
    assert "50.0 (50.0)" in line


def test_without_a_mask_every_slice_that_differs_counts_and_there_is_no_ring(volumes):
    found = evaluate([volumes / "bad.npy"], volumes / "truth.npy")
    assert found.slices == (2, 3)
    assert found.record()["results"]["bad.npy"]["ring"]["psnr_db"] is None
    assert "Ring" not in found.text()


def test_chosen_slices_alone_are_measured(volumes):
    files = [volumes / "bad.npy"], volumes / "truth.npy", volumes / "mask.npy"
    found = evaluate(*files, choose=lambda numbers: numbers.span(3, 4))
    assert found.slices == (3,)
    assert found.text().startswith("| Slice 3  ")
    [line] = [line for line in found.text().splitlines() if line.startswith("| RMSE HU")]
    assert line.endswith(" 50.0 |")
    with pytest.raises(BadInput, match="contain no metal"):
        evaluate(*files, choose=lambda numbers: numbers.span(1, 1))


def test_the_protocols_published_rows_stand_below(volumes):
    text = evaluate([volumes / "bad.npy"], volumes / "truth.npy", protocol="syndeeplesion-640").text()
    assert "MLD-MAR" in text
    assert "family B" in text


def test_incomparable_volumes_are_refused(volumes):
    np.save(volumes / "short.npy", np.zeros((3, 64, 64)))
    np.save(volumes / "broken.npy", np.full((4, 64, 64), np.nan))
    for name, sentence in (
        ("short", "must be equal"),
        ("broken", "non-finite values"),
        ("truth", "There is no slice"),
        ("missing", "missing"),
    ):
        with pytest.raises(BadInput, match=sentence):
            evaluate([volumes / f"{name}.npy"], volumes / "truth.npy")
    with pytest.raises(UsageError, match="no protocol"):
        evaluate([volumes / "bad.npy"], volumes / "truth.npy", protocol="syndeeplesion")


GRID = Grid.from_spacing((4, 64, 64), (3.0, 2.0, 2.0))


def _moved(left_mm):
    affine = GRID.affine.copy()
    affine[0, 3] += left_mm
    return Grid(GRID.shape, affine)


@pytest.fixture
def placed(volumes):
    for name in ("truth", "bad"):
        hu = np.rint(np.load(volumes / f"{name}.npy")).astype(np.int16)
        write_nifti(volumes / f"{name}.nii.gz", hu, GRID)
    return volumes


def test_a_result_of_another_place_in_the_patient_is_refused(placed):
    hu = np.rint(np.load(placed / "bad.npy")).astype(np.int16)
    write_nifti(placed / "moved.nii.gz", hu, _moved(60))
    write_nifti(placed / "rounded.nii.gz", hu, _moved(0.01))
    assert evaluate([placed / "rounded.nii.gz"], placed / "truth.nii.gz").slices == (2, 3)
    with pytest.raises(BadInput, match=r"moved.nii.gz is up to 60.0 mm away from the position"):
        evaluate([placed / "moved.nii.gz"], placed / "truth.nii.gz")


def test_another_patient_is_refused_and_another_frame_of_reference_is_noted(volumes):
    truth, bad = (np.rint(np.load(volumes / f"{name}.npy")).astype(np.int16) for name in ("truth", "bad"))
    for name, hu, patient, frame in (
        ("truth", truth, "P-1", "1.2.3"),
        ("same", bad, "P-1", "1.2.3"),
        ("frame", bad, "P-1", "1.2.4"),
        ("other", bad, "P-2", "1.2.4"),
    ):
        grid = Grid(GRID.shape, GRID.affine, frame)
        write_ct_series(hu, grid, volumes / name, Labels("T^T", patient, "S", name), seed=name)
    assert evaluate([volumes / "same"], volumes / "truth").notes == ()
    [note] = evaluate([volumes / "frame"], volumes / "truth").notes
    assert "different frames of reference" in note
    with pytest.raises(BadInput, match="belong to different patients"):
        evaluate([volumes / "other"], volumes / "truth")


def test_a_mask_counts_where_it_lies_in_the_patient(placed):
    mask = np.load(placed / "mask.npy")
    write_nifti(placed / "mask.nii.gz", mask, GRID)
    write_nifti(placed / "moved.nii.gz", mask, _moved(60))
    write_nifti(placed / "beside.nii.gz", mask, _moved(600))
    there, moved = (
        evaluate([placed / "bad.nii.gz"], placed / "truth.nii.gz", placed / f"{name}.nii.gz").record()["results"]
        for name in ("mask", "moved")
    )
    shifted = np.roll(mask, 30, axis=2)
    np.save(placed / "shifted.npy", shifted)
    by_hand = evaluate([placed / "bad.nii.gz"], placed / "truth.nii.gz", placed / "shifted.npy").record()["results"]
    assert moved == by_hand
    assert moved != there
    with pytest.raises(BadInput, match="outside the volume"):
        evaluate([placed / "bad.nii.gz"], placed / "truth.nii.gz", placed / "beside.nii.gz")


def test_a_mask_on_other_voxels_is_brought_onto_the_truths_with_a_note(placed):
    write_nifti(placed / "between.nii.gz", np.load(placed / "mask.npy"), _moved(1))
    found = evaluate([placed / "bad.nii.gz"], placed / "truth.nii.gz", placed / "between.nii.gz")
    [note] = found.notes
    assert "resampled" in note
    assert found.slices == (2, 3)


def test_a_mask_with_a_place_and_a_truth_without_one_are_refused(placed):
    write_nifti(placed / "mask.nii.gz", np.load(placed / "mask.npy"), GRID)
    with pytest.raises(BadInput, match="has a position in the patient, but the volume is an array without a position"):
        evaluate([placed / "bad.npy"], placed / "truth.npy", placed / "mask.nii.gz")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("mask.npy", "no array", r"it is not an array file\.$"),
        ("mask.npz", "no array", r"it is not an array file\.$"),
        ("nowhere.npz", "", r"cannot be read: no such file or directory\.$"),
    ],
)
def test_a_mask_that_cannot_be_read_is_refused_in_words(volumes, name, text, sentence):
    if text:
        (volumes / name).write_text(text)
    with pytest.raises(BadInput, match=sentence):
        evaluate([volumes / "bad.npy"], volumes / "truth.npy", volumes / name)


def test_a_result_that_equals_the_first_one_in_some_slices_is_noted(volumes):
    truth, bad = np.load(volumes / "truth.npy"), np.load(volumes / "bad.npy")
    partly = bad.copy()
    partly[1] = truth[1] + 5
    np.save(volumes / "partly.npy", partly)
    found = evaluate([volumes / "bad.npy", volumes / "partly.npy"], volumes / "truth.npy", volumes / "mask.npy")
    [note] = found.notes
    assert note.startswith("partly.npy differs from bad.npy only in slice 2 of 2")
    assert not evaluate([volumes / "bad.npy", volumes / "good.npy"], volumes / "truth.npy", volumes / "mask.npy").notes
