"""The slices of a simulated scan that a method can learn from."""

from functools import partial

import nibabel
import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.evaluation.benchmark import run_benchmark
from marview.evaluation.command import benchmark
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.neighbours import part_of, read_neighbours
from marview.evaluation.simulated import list_simulated
from marview.physics import protocol
from marview.slices.clean import CleanSlice
from marview.slices.shapes import shapes_of_sizes

PROTOCOL = protocol("adn-256")
SMALL = {"channels": 4, "size_px": 64, "views": 45, "steps": 4, "begin": "nothing", "learning_rate": 3e-3}


def body(number: int, size: int = 256) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * 256 / size
    return np.where(x**2 / (1.5 + number / 100) ** 2 + y**2 < 70**2, 40.0 + number, -1000.0).astype(np.float32)


@pytest.fixture
def slices():
    patients = ["a", "a", "b", "a", "a", "", "a"]
    return [CleanSlice(f"slice_{k}", partial(body, k), patient) for k, patient in enumerate(patients)]


@pytest.fixture
def shapes():
    y, x = np.mgrid[-32:32, -32:32]
    return shapes_of_sizes(np.stack([x**2 + y**2 < 400]), 256, [900, 200, 60])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 18, 34, 100])
def test_a_part_of_a_patient_holds_metal_and_what_lies_beside_it_is_clean(count: int) -> None:
    patients = ["x"] * 3 + ["me"] * count + ["", "x"]
    parts = {}
    for number in range(3, 3 + count):
        with_metal, clean = part_of(patients, number)
        assert number in with_metal
        assert not set(with_metal) & set(clean)
        assert {patients[k] for k in (*with_metal, *clean)} == {"me"}
        assert with_metal == list(range(with_metal[0], with_metal[0] + len(with_metal)))
        assert len(clean) == min(22, count - len(with_metal))
        assert len(with_metal) <= min(22, (count + 2) // 3)
        assert len(clean) >= min(3, count - 1)
        distances = [min(abs(k - metal) for metal in with_metal) for k in clean]
        assert distances == sorted(distances)
        assert parts.setdefault(tuple(with_metal), clean) == clean
    assert sum(map(len, parts)) == count


def test_a_case_without_a_volume_has_no_neighbours() -> None:
    assert part_of(["", "", "a"], 1) == ([1], [])


def test_cases_of_a_part_have_the_same_neighbours_and_none_is_among_them(slices, shapes) -> None:
    known = [each.read() for each in list_simulated(slices, shapes, PROTOCOL, seed=3)]
    first, second, third = (known[k].neighbours() for k in (0, 1, 6))
    assert torch.equal(first.clean_hu, second.clean_hu)
    assert torch.equal(first.metal, second.metal)
    assert first.clean_hu[:, 128, 128].tolist() == [43, 44, 46]
    assert third.clean_hu[:, 128, 128].tolist() == [44, 43, 41, 40]
    assert known[2].neighbours is known[5].neighbours is None
    assert known[0].slice(1).neighbours is known[0].neighbours


def test_neighbours_have_metal_where_the_cases_have_it(slices, shapes) -> None:
    known = [each.read() for each in list_simulated(slices, shapes, PROTOCOL, seed=3)]
    metal = known[0].neighbours().metal.numpy()
    wanted = [known[0].metal[0], known[1].metal[1], known[0].metal[2]]  # shapes alternate over the slices
    assert np.array_equal(metal, wanted)
    assert [len(part) for part in known[0].neighbours()(2)] == [2, 2]


def test_metal_that_has_no_place_in_another_slice_is_left_out(slices, shapes) -> None:
    air = CleanSlice("air", lambda: np.full((256, 256), -1000, np.float32), "a")
    found = read_neighbours([slices[0], air, slices[1]], [0, 1], [2], shapes, (256, 256), 0)
    assert found.metal.shape == (2, 256, 256)
    with pytest.raises(BadInput, match="does not fit"):
        list_simulated([slices[0], air], shapes, PROTOCOL)[1].read()


@pytest.mark.slow
def test_the_near_hip_network_is_measured_on_slices_of_a_scan(tmp_path) -> None:
    """It learns from the rest of the scan, in a real worker."""
    scan = np.stack([body(k, 64) for k in range(6)])
    nibabel.save(nibabel.Nifti1Image(scan.transpose(2, 1, 0), np.diag([3.0, 3.0, 5.0, 1.0])), tmp_path / "scan.nii.gz")
    y, x = np.mgrid[-32:32, -32:32]
    np.save(tmp_path / "masks.npy", np.stack([x**2 + y**2 < 400] * 2))
    told = []
    results = benchmark(
        "adn-256",
        ["near_hip"],
        tmp_path / "scan.nii.gz",
        tmp_path / "out",
        parameters={"near_hip": SMALL},
        masks=tmp_path / "masks.npy",
        device="cpu",
        on_progress=lambda fraction, _: told.append(fraction),
    )
    assert not results.failures
    row, before = results.row("near_hip"), results.row("input")
    assert len({each.case for each in row.slices}) == 6
    better = [
        after.measures.psnr_db > uncorrected.measures.psnr_db
        for after, uncorrected in zip(row.slices, before.slices, strict=True)
    ]
    assert all(better)
    learned = [note.sentence for note in row.notes if "trained on 3 slices of this scan" in note.sentence]
    assert len(learned) == 3  # once for each third of the scan
    assert told == sorted(told)


def test_without_other_slices_a_network_of_others_is_used_and_the_row_says_so(slices, shapes, tmp_path) -> None:
    """A missing index gives a message with advice; an unreadable slice gives a message."""

    def damaged() -> np.ndarray:
        raise BadInput("page 3 is not a greyscale image.")

    listed = list_simulated([*slices[:3], CleanSlice("damaged", damaged, "a")], shapes, PROTOCOL)[1:3]
    with WorkerMethods("cpu") as methods:
        results = run_benchmark(
            PROTOCOL.name,
            listed,
            [methods.entry("linear_interpolation"), methods.entry("near_hip")],
            tmp_path,
            source="here",
            correct=methods,
        )
    [failure] = results.failures
    assert failure.startswith("near_hip on slice_1: other slices of its scan cannot be used for learning: page 3")
    row = results.row("near_hip")
    assert {each.case for each in row.slices} == {"slice_2"}
    said = [note.sentence for note in row.notes]
    assert any(
        sentence.startswith("The network was not trained on this patient: the scan has 0 slices without")
        for sentence in said
    )
    assert any("index.csv" in sentence for sentence in said)


def test_a_slice_beside_two_others_is_corrected_too(slices, shapes, tmp_path) -> None:
    listed = list_simulated(slices[:3], shapes[1:2], PROTOCOL)[:1]
    with WorkerMethods("cpu") as methods:
        results = run_benchmark(
            PROTOCOL.name, listed, [methods.entry("near_hip")], tmp_path, source="here", correct=methods
        )
    assert not results.failures
    said = [note.sentence for note in results.row("near_hip").notes]
    assert any(
        sentence.startswith("The network was not trained on this patient: the scan has 1 slice without")
        for sentence in said
    )
    assert not any("index.csv" in sentence for sentence in said)
