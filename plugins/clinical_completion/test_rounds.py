"""Tests of the rounds that complete the metal trace."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from marview.geometry import FanBeamFlat
from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics.attenuation import MU_WATER
from marview.projection import Projector
from marview.worker.loading import LoadedMethod

SIZE = 96


class Plate:
    """Body with two bones beside a titanium plate, which hides the bones in half of the views."""

    def __init__(self, room: Any) -> None:
        pixel_mm = 3.0
        y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
        body = np.where((x / 40) ** 2 + (y / 30) ** 2 < 1, MU_WATER, 0.0)
        bone = (np.hypot(x - 8, y) < 5) | (np.hypot(x + 8, y - 4) < 5)
        metal = (abs(x) < 1.6) & (abs(y) < 14)
        beam = FanBeamFlat(
            views=160,
            bins=141,
            source_to_isocentre_mm=3 * SIZE * pixel_mm,
            source_to_detector_mm=6 * SIZE * pixel_mm,
            bin_mm=2 * math.sqrt(2) * SIZE / 141 * pixel_mm,
        )
        projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=pixel_mm)
        self.mask = torch.from_numpy(metal)[None]
        self.without_bone = torch.from_numpy(np.float32(body))[None]
        self.truth = torch.where(torch.from_numpy(bone)[None], 0.4, self.without_bone)
        through = projector.forward(torch.where(self.mask, 2.0, 0.0))
        measured = projector.forward(torch.where(self.mask, 0.0, self.truth)) + 3 * torch.tanh(through / 3)
        image = projector.fbp(measured)
        trace = projector.trace(grown(self.mask))
        part = room.trace_signal.metal_sinogram(projector, image, self.mask)
        self.shown = room.rounds.Shown(projector, image, self.mask, projector.forward(image), trace, part)

    def error(self, completed: Tensor) -> float:
        """Return the root mean square error of the image beside the metal, 1/cm."""
        around = max_pool2d(self.mask.float()[:, None], 5, stride=1, padding=2)[:, 0] > 0
        near = max_pool2d(self.mask.float()[:, None], 31, stride=1, padding=15)[:, 0] > 0
        return float((self.shown.reconstruct(completed) - self.truth)[near & ~around].square().mean().sqrt())


@pytest.fixture(scope="module")
def plate(room: Any) -> Plate:
    """Return the body with the plate."""
    return Plate(room)


@pytest.mark.parametrize("light", [True, False])
def test_tissue_that_the_prior_lacks_comes_back(room: Any, plate: Plate, light: bool) -> None:
    shown = plate.shown
    read = room.rounds.read_in_rounds(shown, plate.without_bone, light=light)
    base = complete_with_prior(shown.sinogram, shown.projector.forward(plate.without_bone), shown.trace)
    assert plate.error(read.completed) < 0.8 * plate.error(base)
    assert read.explained > room.guard.LEAST_EXPLAINED_OF_LIGHT


def test_outside_the_trace_nothing_changes(room: Any, plate: Plate) -> None:
    read = room.rounds.read_in_rounds(plate.shown, plate.without_bone, light=True)
    outside = ~plate.shown.trace
    assert torch.equal(read.completed[outside], plate.shown.sinogram[outside])


def test_noise_agrees_with_no_image(room: Any, plate: Plate) -> None:
    torch.manual_seed(0)
    noise = torch.where(plate.shown.trace, torch.randn_like(plate.shown.sinogram), 0.0)
    noisy = replace(plate.shown, sinogram=plate.shown.sinogram + noise)
    explained = room.rounds.read_in_rounds(noisy, plate.without_bone, light=True).explained
    assert not room.guard.is_believed(explained, light=True)


def test_the_round_with_the_weakest_remainder_counts(room: Any, plate: Plate, monkeypatch: pytest.MonkeyPatch) -> None:
    strengths = iter([0.5, 0.6, 0.2, 0.3, 0.4, 0.5, 0.6, 0.2])
    monkeypatch.setattr(room.rounds, "strength", lambda _left, _trace: next(strengths))
    read = room.rounds.read_in_rounds(plate.shown, plate.without_bone, light=False)
    assert read.explained == pytest.approx(1 - (0.2 / 0.5) ** 2)
    monkeypatch.setattr(room.rounds, "_BELIEVED", room.rounds._BELIEVED[:3])
    again = room.rounds.read_in_rounds(plate.shown, plate.without_bone, light=False)
    assert torch.equal(again.completed, read.completed)


def test_prior_has_water_for_metal_and_fewer_streaks(room: Any, discs: Any) -> None:
    pairs = discs(1, is_clinical=True)
    calm = room.rounds.smoothed(pairs.image, pairs.metal)
    assert float(calm[pairs.metal].max()) < 2 * MU_WATER
    steps = [float(each.diff(dim=-1).abs().mean()) for each in (calm, pairs.image)]
    assert steps[0] < steps[1] / 2


def test_slice_that_the_rounds_explain_says_so(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = discs(2, is_clinical=True).case()
    monkeypatch.setattr(room.method, "is_believed", lambda explained, light: True)
    result = loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL))
    notes = [str(each) for each in result.notes if "rays through metal" in str(each)]
    assert len(notes) == 2
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
