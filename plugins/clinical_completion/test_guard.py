"""Tests of the choice between NMAR's completion and that of the network."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.worker.loading import LoadedMethod


class Adds:
    """Replacement for the network that adds the same line integral to every ray."""

    def whole(self, planes: Tensor) -> Tensor:
        return torch.full_like(planes[:, 0], 0.1)


@pytest.fixture
def run(loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def corrected(case: MarCase, strengths: list[float]) -> Any:
        left = iter(strengths)
        monkeypatch.setattr(room.method, "is_believed", lambda explained, light: False)
        monkeypatch.setattr(room.method, "load", lambda job: Adds())
        monkeypatch.setattr(room.method, "strength", lambda planes, trace: torch.tensor([next(left)]))
        return loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL))

    return corrected


def test_starved_slices_get_the_result_of_nmar_and_say_so(run: Any, made: Any, discs: Any) -> None:
    case = discs(2, is_clinical=True).case()
    nmar = run(case, [9.0, 9.0])
    mixed = run(case, [0.05, 0.7])
    change = mixed.corrected_sinogram - nmar.corrected_sinogram
    torch.testing.assert_close(change[0][case.trace[0]], torch.full_like(change[0][case.trace[0]], 0.1))
    assert not change[1].any()
    [note] = [str(each) for each in mixed.notes if "NMAR" in str(each)]
    assert "differ from NMAR by 0.70" in note
    assert "so NMAR was used instead" in note


def test_share_without_a_number_is_not_believed(room: Any) -> None:
    assert not room.guard.is_believed(float("nan"), light=True)
    assert room.guard.is_believed(1.0, light=False)


def test_titanium_is_light_on_the_whole_scale_alone(room: Any) -> None:
    metal = torch.ones(1, 2, 2, dtype=torch.bool)
    found = [room.guard.is_light(torch.full((1, 2, 2), mu), metal) for mu in (1.5, 3.5, 0.78)]
    assert found == [True, False, False]


def test_remainder_without_a_number_is_not_trusted(room: Any) -> None:
    assert room.guard.is_trusted(torch.tensor([0.1, 0.3, torch.nan])).tolist() == [True, False, False]


def test_noise_in_the_trace_makes_a_strong_remainder(room: Any, discs: Any) -> None:
    pairs = room.clinical.ClinicalPairs.of(discs(2, is_clinical=True))
    noise = torch.where(pairs.trace, 0.8 * torch.randn_like(pairs.sinogram), 0.0)
    _, calm = room.trace_signal.remainder(pairs.sinogram, pairs.base, pairs.metal_part, pairs.trace)
    _, noisy = room.trace_signal.remainder(pairs.sinogram + noise, pairs.base, pairs.metal_part, pairs.trace)
    assert (room.trace_signal.strength(noisy, pairs.trace) > room.trace_signal.strength(calm, pairs.trace) + 0.2).all()
    assert not room.guard.is_trusted(room.trace_signal.strength(noisy, pairs.trace)).any()
