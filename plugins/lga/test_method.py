"""Tests for Latent GSI Alignment runs: changed and unchanged pixels, and the guessed implant type."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import MethodFailed
from marview.methods.api import SliceNote
from marview.methods.large_metal import nmar_hu
from marview.testing import check_method, phantom_case

HERE = Path(__file__).parent


@pytest.fixture
def network(room: Any, made: Any) -> Any:
    """Return a network that changes every pixel of a slice."""
    torch.manual_seed(0)
    network = made.trained_once(room.network.build(made.SMALL))
    torch.nn.init.normal_(network.alignment.last.weight, std=0.1)
    return network


@pytest.fixture
def job(weights_job: Any, network: Any, made: Any) -> Any:
    return weights_job(network, made.SMALL)


def test_metal_and_pixels_beyond_the_reach_keep_their_values_exactly(loaded: Any, job: Any, room: Any) -> None:
    case = phantom_case()
    result = loaded.method.run(case, loaded.parameters({"reach_px": 8.0}), job)
    near = room.batches.nearness(case.metal, 8.0) > 0
    assert torch.equal(result.hu[~near], case.hu[~near])
    assert torch.equal(result.hu[case.metal], case.hu[case.metal])
    assert float((result.hu - case.hu)[near].abs().mean()) > 1


def test_copies_are_averaged_near_metal_only(loaded: Any, job: Any, room: Any) -> None:
    case = phantom_case()
    one, four = (loaded.method.run(case, loaded.parameters({"reach_px": 8.0, "flips": n}), job).hu for n in (1, 4))
    near = room.batches.nearness(case.metal, 8.0) > 0
    assert torch.equal(one[~near], four[~near])
    assert float((one - four)[near].abs().mean()) > 0


def test_slices_without_metal_have_no_error(loaded: Any, job: Any) -> None:
    case = phantom_case()
    metal = case.metal.clone()
    metal[1] = False
    result = loaded.method.run(replace(case, metal=metal), loaded.parameters({"reach_px": 600.0}), job)
    assert torch.equal(result.hu[1], case.hu[1])
    assert not torch.equal(result.hu[0], case.hu[0])


def test_artifact_image_is_what_the_result_leaves_out(loaded: Any, job: Any) -> None:
    case, shown = phantom_case(), {}
    job.output = lambda name, index, picture: shown.update({(name, index): picture})
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert set(shown) == {("artifact", 0), ("artifact", 1)}
    assert torch.allclose(case.hu[1] - shown["artifact", 1], result.hu[1], atol=1e-3)


def test_an_untrained_alignment_removes_values_below_air_alone(
    loaded: Any, weights_job: Any, room: Any, made: Any
) -> None:
    case = phantom_case()
    result = loaded.method.run(case, loaded.parameters({}), weights_job(room.network.build(made.SMALL), made.SMALL))
    near = room.batches.nearness(case.metal, 60.0)
    assert torch.allclose(
        result.hu, torch.where(near > 0, case.hu + near * (case.hu.clamp(min=-1000) - case.hu), case.hu)
    )


def test_notes_name_the_surrogate_and_the_guessed_implant(loaded: Any, job: Any) -> None:
    notes = loaded.method.run(phantom_case(), loaded.parameters({}), job).notes
    assert any("surrogates of spectral CT" in str(each) for each in notes)
    guessed = [each for each in notes if isinstance(each, SliceNote) and "the mask looks like" in each.found]
    assert len(guessed) == 2
    chosen = loaded.method.run(phantom_case(), loaded.parameters({"implant": "none"}), job).notes
    assert not any(isinstance(each, SliceNote) and "looks like" in each.found for each in chosen)


def test_neighbours_come_from_the_scan_and_the_slice_stands_for_missing_ones(loaded: Any, job: Any, room: Any) -> None:
    case = phantom_case()
    hu, others = case.hu[0], torch.stack([case.hu[1]] * 3)
    assert torch.equal(room.method.volume_of(hu, others, 3), torch.stack([case.hu[1], hu, case.hu[1]])[None])
    assert torch.equal(room.method.volume_of(hu, torch.empty(0, 1, 1), 3), hu.expand(1, 3, -1, -1))
    asked: list[tuple[int, int]] = []
    job.beside = lambda *what: asked.append(what) or others
    loaded.method.run(case, loaded.parameters({}), job)
    assert asked == [(0, 1), (1, 1)]


def test_weights_of_another_network_are_refused(loaded: Any, weights_job: Any, room: Any, made: Any) -> None:
    other = room.network.build(made.SMALL | {"latent": 4})
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, made.SMALL))


def test_the_method_keeps_the_contract(network: Any, made: Any, copy_with: Any) -> None:
    assert check_method(copy_with(network, made.SMALL)) == []


def _trunk(size: int = 200) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size / 2
    return np.where((x / 90) ** 2 + (y / 60) ** 2 < 1, 40.0, -1000.0).astype(np.float32)


def _disc(at: tuple[int, int], radius: float, size: int = 200) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.hypot(y - at[0], x - at[1]) < radius


@pytest.mark.parametrize(
    ("metal", "expected"),
    [
        (_disc((105, 150), 8), "hip_prosthesis"),
        (_disc((105, 150), 8) | _disc((105, 50), 8), "hip_prosthesis"),
        (_disc((105, 150), 2), "fracture_fixation"),
        (_disc((125, 92), 2) | _disc((125, 108), 2), "spinal_fixation"),
        (_disc((60, 100), 2), "none"),
        (_disc((105, 150), 0.8), "none"),
        (np.zeros((200, 200), bool), "none"),
    ],
    ids=["head", "two heads", "nail", "pedicle screws", "sternal wire", "clip", "nothing"],
)
def test_implant_is_guessed_from_place_and_shape(room: Any, metal: np.ndarray, expected: str) -> None:
    assert room.implants.KINDS[room.implants.guess_kind(_trunk(), metal, 2.0)] == expected


def test_metal_in_a_head_is_not_a_known_implant(room: Any) -> None:
    assert room.implants.guess_kind(_trunk(), _disc((105, 150), 8), 1.0) == room.implants.NONE


def test_large_metal_in_clinical_slices_gets_the_result_of_nmar_unless_the_network_is_chosen(
    loaded: Any, job: Any
) -> None:
    case = phantom_case(is_measured=False)
    found = loaded.method.run(case, loaded.parameters({}), job)
    expected = torch.stack([nmar_hu(case, number, job)[0] for number in range(len(case.hu))])
    torch.testing.assert_close(found.hu, expected)
    assert sum("NMAR was used instead" in str(each) for each in found.notes) == len(case.hu)
    alone = loaded.method.run(case, loaded.parameters({"large_metal": "network"}), job)
    assert torch.equal(alone.hu[case.metal], case.hu[case.metal])
    assert not any("NMAR" in str(each) for each in alone.notes)
