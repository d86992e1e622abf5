"""Networks that do not help beside dense metal keep the result of NMAR in clinical slices with dense metal."""

import logging

import numpy as np
import pytest
import torch

from marview.geometry import ParallelBeam
from marview.mar import discover, find
from marview.methods.api import MarCase
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import LoadedMethod, load_method

SIZE, PIXEL_MM = 64, 6.0
BEAM = ParallelBeam(views=80, bins=93, bin_mm=PIXEL_MM)
TITANIUM_HU, STEEL_HU = 7000.0, 16_000.0


class BundledJob:
    """A job with the weights that come with a method, in a scan without slices to learn from."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, loaded: LoadedMethod) -> None:
        self._loaded = loaded

    def progress(self, fraction: float, text: str = "") -> None: ...

    def learning(self, fraction: float, text: str = "") -> None: ...

    def output(self, name: str, slice_index: int, array: torch.Tensor) -> None: ...

    def check_cancelled(self) -> None: ...

    def neighbours(self, _count: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros((0, SIZE, SIZE)), torch.zeros((0, SIZE, SIZE), dtype=torch.bool)

    def weights(self, file: str) -> dict[str, torch.Tensor]:
        return self._loaded.weights(file, "cpu")

    def about_weights(self, file: str) -> dict[str, str]:
        return self._loaded.about_weights(file)


def case_of(metal_hu: float) -> MarCase:
    """An oval of water with a bone and a rod."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    hu = np.where((x / 26) ** 2 + (y / 20) ** 2 < 1, 0.0, -1000.0)
    hu[np.hypot(x - 12, y) < 4] = 800
    rod = np.hypot(x + 8, y) < 3.5
    hu[rod] = metal_hu
    slices = torch.from_numpy(hu[None]).float(), torch.from_numpy(rod[None])
    return MarCase(*slices, PIXEL_MM, BEAM, slice_indices=[4])


@torch.no_grad()
@pytest.mark.parametrize("metal_hu", [TITANIUM_HU, STEEL_HU])
@pytest.mark.parametrize("method", ["cnnmar", "deep_sinogram_completion", "dudonet", "near_hip"])
def test_a_clinical_slice_with_dense_metal_has_the_result_of_nmar_and_a_note(method: str, metal_hu: float) -> None:
    loaded = load_method(find(method, discover()).folder)
    case = case_of(metal_hu)
    result = loaded.method.run(case, loaded.parameters({}), BundledJob(loaded))
    prior = nmar_prior(case)
    nmar = mu_to_hu(case.reconstruct(complete_nmar(case, case.projector.forward(prior), NmarSettings())))
    is_left = bool(torch.allclose(result.hu, nmar, atol=0.5))
    assert is_left is (metal_hu == STEEL_HU)
    assert any("denser than titanium" in str(note) for note in result.notes) is is_left
