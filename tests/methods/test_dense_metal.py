"""Clinical slices with dense metal keep the result of NMAR."""

import numpy as np
import pytest
import torch

from marview.geometry import ParallelBeam
from marview.methods.api import MarCase
from marview.methods.dense_metal import dense_slices, leave_dense_to_nmar, slices_of_nmar
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior

SIZE, PIXEL_MM = 64, 4.0
BEAM = ParallelBeam(views=60, bins=93, bin_mm=PIXEL_MM)
TITANIUM_HU, STEEL_HU, CLIPPED_HU = 7000.0, 16_000.0, 3071.0


class ShownJob:
    """A job that keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int]] = []

    def check_cancelled(self) -> None:
        pass

    def output(self, name: str, slice_index: int, _values: torch.Tensor) -> None:
        self.shown.append((name, slice_index))


def case_of(*metal_hu: float, **changes: object) -> MarCase:
    """One slice for each metal: an oval of water with a bone and a rod."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    body = np.where((x / 26) ** 2 + (y / 20) ** 2 < 1, 0.0, -1000.0)
    body[np.hypot(x - 12, y) < 4] = 800
    rod = np.hypot(x + 8, y) < 3.5
    hu = torch.from_numpy(np.stack([np.where(rod, each, body) for each in metal_hu])).float()
    metal = torch.from_numpy(np.stack([rod] * len(metal_hu)))
    given = {"hu": hu, "metal": metal, "pixel_mm": PIXEL_MM, "beam": BEAM, "slice_indices": range(3, 3 + len(hu))}
    return MarCase(**given | changes)


def test_metal_denser_than_titanium_is_dense() -> None:
    assert dense_slices(case_of(TITANIUM_HU, STEEL_HU)) == [1]


def test_a_clipped_scale_does_not_tell_so_no_slice_is_dense() -> None:
    assert dense_slices(case_of(CLIPPED_HU)) == []


def test_a_clipped_slice_with_broad_restored_streaks_is_left_to_nmar_with_a_note_on_them() -> None:
    case = case_of(CLIPPED_HU, CLIPPED_HU, TITANIUM_HU)
    case.hu[0, 30, 15] = -1500
    case.hu[1:, 28:38, 10:20] = -1500
    assert slices_of_nmar(case) == [1]
    prior, corrected = torch.zeros_like(case.mu), torch.zeros_like(case.sinogram)
    (note,) = leave_dense_to_nmar(case, prior, corrected, ShownJob())
    assert note.slice_index == 4
    assert "clipped dark streaks" in str(note)
    assert corrected[1].any()
    assert not corrected[[0, 2]].any()


def test_a_slice_without_metal_is_not_dense() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(MarCase(case.hu, torch.zeros_like(case.metal), PIXEL_MM, BEAM)) == []


def test_slices_with_a_measured_sinogram_are_left_to_the_network() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(case_of(STEEL_HU, measured_sinogram=case.sinogram)) == []


@pytest.mark.parametrize("numbered", [True, False])
def test_only_the_dense_slice_gets_the_result_of_nmar_and_a_note(numbered: bool) -> None:
    case = case_of(TITANIUM_HU, STEEL_HU, **({} if numbered else {"slice_indices": ()}))
    prior, corrected, job = torch.zeros_like(case.mu), torch.zeros_like(case.sinogram), ShownJob()
    (note,) = leave_dense_to_nmar(case, prior, corrected, job)
    index = 4 if numbered else 1
    assert note.slice_index == index
    assert "denser than titanium" in str(note)
    assert job.shown == [("prior", index), ("corrected_sinogram", index)]
    assert not prior[0].any()
    assert not corrected[0].any()
    alone = case_of(STEEL_HU)
    expected = nmar_prior(alone)
    torch.testing.assert_close(prior[1:], expected)
    completed = complete_normalized(alone, alone.projector.forward(expected), NmarSettings())
    torch.testing.assert_close(corrected[1:], completed)
