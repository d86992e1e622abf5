"""NMAR near dense metal: its share of the completion, and its result in place of a network's."""

import pytest
import torch

from marview.methods.api import MarCase
from marview.methods.dense_metal import reasons_for_nmar
from marview.methods.dense_nmar import complete_nmar, leave_to_nmar
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.physics.attenuation import MU_WATER
from tests.methods.rod_case import BEAM, CLIPPED_HU, SIZE, STEEL_HU, TITANIUM_HU, case_of


class ShownJob:
    """A job that keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int]] = []

    def check_cancelled(self) -> None:
        pass

    def output(self, name: str, slice_index: int, _values: torch.Tensor) -> None:
        self.shown.append((name, slice_index))


def free_of_metal(case: MarCase) -> torch.Tensor:
    """The projection of the case with water in place of metal."""
    return case.projector.forward(torch.where(case.metal, MU_WATER, case.mu))


def misleading(case: MarCase) -> torch.Tensor:
    """The projection of a prior with streaks across the body, which the measured rays contradict."""
    streaks = 3 * MU_WATER * (torch.arange(SIZE) % 4 == 0)
    return case.projector.forward(torch.where(case.hu > -500, MU_WATER + streaks, 0.0))


def test_a_prior_that_predicts_the_rays_beside_the_trace_leaves_all_to_nmar() -> None:
    case = case_of(STEEL_HU)
    prior = free_of_metal(case)
    assert torch.equal(complete_nmar(case, prior, NmarSettings()), complete_normalized(case, prior, NmarSettings()))


def test_a_prior_that_the_rays_beside_the_trace_contradict_leaves_all_to_interpolation() -> None:
    case = case_of(STEEL_HU)
    torch.testing.assert_close(complete_nmar(case, misleading(case), NmarSettings()), case.li_sinogram)


def test_the_completion_lies_between_nmar_and_interpolation() -> None:
    case = case_of(STEEL_HU)
    for weight in torch.linspace(0, 1, 9):
        prior = torch.lerp(free_of_metal(case), misleading(case), float(weight))
        mixed, nmar = complete_nmar(case, prior, NmarSettings()), complete_normalized(case, prior, NmarSettings())
        lower, upper = torch.minimum(nmar, case.li_sinogram), torch.maximum(nmar, case.li_sinogram)
        assert bool(((mixed >= lower - 1e-4) & (mixed <= upper + 1e-4)).all())


def test_only_slices_with_dense_metal_are_mixed() -> None:
    case = case_of(TITANIUM_HU, STEEL_HU)
    prior = misleading(case)
    mixed, nmar = complete_nmar(case, prior, NmarSettings()), complete_normalized(case, prior, NmarSettings())
    assert torch.equal(mixed[0], nmar[0])
    assert not torch.equal(mixed[1], nmar[1])


def test_a_trace_without_rays_beside_it_is_left_to_nmar() -> None:
    whole = torch.ones(1, BEAM.views, BEAM.bins, dtype=torch.bool)
    case = case_of(STEEL_HU, measured_trace=whole)
    prior = free_of_metal(case)
    assert torch.equal(complete_nmar(case, prior, NmarSettings()), complete_normalized(case, prior, NmarSettings()))


@pytest.mark.parametrize("source", ["raw", "linear_interpolation"])
def test_a_chosen_source_is_completed_as_published(source: str) -> None:
    case, settings = case_of(STEEL_HU), NmarSettings(prior_source=source)
    prior = misleading(case)
    assert torch.equal(complete_nmar(case, prior, settings), complete_normalized(case, prior, settings))


def test_a_measured_sinogram_is_completed_as_published() -> None:
    clinical = case_of(STEEL_HU)
    case = case_of(STEEL_HU, measured_sinogram=clinical.sinogram)
    prior = misleading(case)
    assert torch.equal(complete_nmar(case, prior, NmarSettings()), complete_normalized(case, prior, NmarSettings()))


def test_a_clipped_slice_with_broad_restored_streaks_is_left_to_nmar_with_a_note_on_them() -> None:
    case = case_of(CLIPPED_HU, CLIPPED_HU, TITANIUM_HU)
    case.hu[0, 30, 15] = -1500
    case.hu[1:, 28:38, 10:20] = -1500
    assert list(reasons_for_nmar(case)) == [1]
    prior, corrected = torch.zeros_like(case.mu), torch.zeros_like(case.sinogram)
    (note,) = leave_to_nmar(case, prior, corrected, ShownJob(), reasons_for_nmar(case))
    assert note.slice_index == 4
    assert "clipped dark streaks" in str(note)
    assert note.made_by == "NMAR"
    assert corrected[1].any()
    assert not corrected[[0, 2]].any()


@pytest.mark.parametrize("numbered", [True, False])
def test_only_the_dense_slice_gets_the_result_of_nmar_and_a_note(numbered: bool) -> None:
    case = case_of(TITANIUM_HU, STEEL_HU, **({} if numbered else {"slice_indices": ()}))
    prior, corrected, job = torch.zeros_like(case.mu), torch.zeros_like(case.sinogram), ShownJob()
    (note,) = leave_to_nmar(case, prior, corrected, job, reasons_for_nmar(case))
    index = 4 if numbered else 1
    assert note.slice_index == index
    assert "denser than titanium" in str(note)
    assert note.made_by == "NMAR"
    assert job.shown == [("prior", index), ("corrected_sinogram", index)]
    assert not prior[0].any()
    assert not corrected[0].any()
    alone = case_of(STEEL_HU)
    expected = nmar_prior(alone)
    torch.testing.assert_close(prior[1:], expected)
    completed = complete_nmar(alone, alone.projector.forward(expected), NmarSettings())
    torch.testing.assert_close(corrected[1:], completed)
