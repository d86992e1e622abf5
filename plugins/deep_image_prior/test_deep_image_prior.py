"""Tests for the deep image prior: the fit to a slice, its limits, and the method interface."""

from pathlib import Path

import numpy as np
import pytest
import torch

from marview.errors import MethodFailed
from marview.learning.networks import UNet
from marview.methods.api import Cancelled
from marview.methods.large_metal import nmar_hu
from marview.testing import TestJob, check_method, phantom_case

HERE = Path(__file__).parent
QUICK = {"steps": 3, "width": 2}


def test_the_network_has_the_size_that_the_defaults_say() -> None:
    assert sum(each.numel() for each in UNet(16, 1, 16).parameters()) == 841_649


def test_the_method_keeps_the_contract() -> None:
    assert check_method(HERE, QUICK) == []


def test_a_longer_fit_is_nearer_to_the_slice_and_a_distant_one_gets_a_note(loaded) -> None:
    case = phantom_case()

    def error(steps: int) -> float:
        parameters = loaded.parameters({"steps": steps, "width": 8})
        result = loaded.method.run(case, parameters, TestJob(loaded))
        changes = zip(result.hu - case.hu, case.metal, strict=True)
        left = [float(change[~metal].square().mean().sqrt()) for change, metal in changes]
        told = [note.value for note in result.notes]
        assert told == pytest.approx([each for each in left if each > 150], rel=1e-3)
        return float(np.mean(left))

    assert error(2) > max(150, 2 * error(60))


def test_the_time_limit_stops_the_fit_and_a_note_says_so(loaded) -> None:
    parameters = loaded.parameters(QUICK | {"steps": 100_000, "minutes": 1e-9})
    result = loaded.method.run(phantom_case(), parameters, TestJob(loaded))
    assert result.notes[-1:] == [
        "The time limit stopped the fit after 1 step of 100000, so fine detail is missing. Increase 'Time limit' "
        "(minutes)."
    ]
    assert bool(torch.isfinite(result.hu).all())


def test_a_cancelled_fit_stops_within_a_step(loaded) -> None:
    job, steps = TestJob(loaded), 0

    def cancel_at_the_third() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise Cancelled

    job.check_cancelled = cancel_at_the_third
    with pytest.raises(Cancelled):
        loaded.method.run(phantom_case(), loaded.parameters({"steps": 100_000, "width": 2}), job)
    assert steps == 3


def test_a_fit_that_diverges_gets_a_note(loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    case = phantom_case()
    case.hu[0, 0, 0] = float("nan")
    with pytest.raises(MethodFailed, match=r"Lower 'Learning rate' \(learning_rate\)"):
        loaded.method.run(case, loaded.parameters(QUICK), TestJob(loaded))


def test_large_metal_in_clinical_slices_gets_the_result_of_nmar_and_no_fit(loaded) -> None:
    case = phantom_case(is_measured=False)
    result = loaded.method.run(case, loaded.parameters(QUICK | {"minutes": 1e-9}), TestJob(loaded))
    expected = torch.stack([nmar_hu(case, number, TestJob(loaded))[0] for number in range(len(case.hu))])
    torch.testing.assert_close(result.hu, expected)
    assert [note.slice_index for note in result.notes] == list(case.slice_indices or range(len(case.hu)))
