"""Tests of image-domain methods: the image they subtract, and the weights they read."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from marview.errors import BadInput
from marview.learning.image_method import ImageMethod, Strength
from marview.learning.weights import About
from marview.methods.api import Cancelled
from marview.methods.large_metal import nmar_hu
from marview.testing import phantom_case


class Darker(nn.Module):
    """Network that lowers every pixel by a weight, and knows how large its images must be."""

    def __init__(self) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.tensor(0.0))

    def forward(self, seen: Tensor) -> Tensor:
        assert seen.shape[-1] % 3 == 0
        return seen - self.change


class Method(ImageMethod):
    part: ClassVar[str] = "reduction."

    def build(self, settings: Any) -> tuple[nn.Module, int]:
        return Darker(), 3


@dataclass
class Watched:
    """A job with weights that lower every pixel by 0.025/cm; it remembers what was shown and can be cancelled."""

    is_cancelled: bool = False
    facts: dict[str, str] = field(default_factory=About("small", "1", {}, ("adn-256",)).as_metadata)
    shown: dict[int, Tensor] = field(default_factory=dict)
    device = torch.device("cpu")

    def weights(self, file: str) -> dict[str, Tensor]:
        return {"reduction.change": torch.tensor(0.1), "judge.of_the_training": torch.zeros(3)}

    def about_weights(self, file: str) -> dict[str, str]:
        return self.facts

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        assert name == "artifact"
        self.shown[slice_index] = array

    def check_cancelled(self) -> None:
        if self.is_cancelled:
            raise Cancelled

    def learning(self, fraction: float, text: str = "") -> None:
        pytest.fail("the method trains nothing")

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        pytest.fail("the method sees no other slices")

    def beside(self, slice_index: int, reach: int) -> Tensor:
        pytest.fail("the method sees no other slices")


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_result_leaves_out_the_share_of_the_artifact_image_that_is_shown(strength: float) -> None:
    case, job = phantom_case(), Watched()
    is_inside = (case.mu > 0.03) & (case.mu < 0.5)
    result = Method().run(case, Strength(strength=strength), job)
    assert sorted(job.shown) == sorted(case.slice_indices or range(len(case.hu)))
    artifact = torch.stack(list(job.shown.values()))
    assert torch.allclose(case.hu - artifact, result.hu, atol=0.01)
    assert artifact[is_inside].tolist() == pytest.approx([strength * 25 / 0.192] * int(is_inside.sum()), rel=0.01)


@pytest.mark.parametrize("flips", [1, 4])
def test_the_network_sees_as_many_copies_of_each_slice_as_flips(flips: int) -> None:
    case, calls = phantom_case(), []

    class Counted(Method):
        def build(self, settings: Any) -> tuple[nn.Module, int]:
            network, fold = super().build(settings)
            network.register_forward_hook(lambda *_: calls.append(1))
            return network, fold

    result = Counted().run(case, Strength(flips=flips), Watched())
    assert len(calls) == flips * len(case.hu)
    assert torch.allclose(result.hu, Method().run(case, Strength(flips=1), Watched()).hu, atol=0.01)


@pytest.mark.parametrize(("has_mask", "is_dense"), [(False, False), (True, False), (False, True)])
def test_slices_without_mask_and_dense_pixels_are_unchanged(*, has_mask: bool, is_dense: bool) -> None:
    case, job = phantom_case(), Watched()
    hu = case.hu.clamp(max=1500.0)
    if is_dense:
        hu[1, 30, 30] = 1700.0
    metal = case.metal if has_mask else torch.zeros_like(case.metal)
    metal[0] = False
    result = Method().run(replace(case, hu=hu, metal=metal), Strength(), job)
    assert torch.equal(result.hu[0], hu[0])
    assert torch.equal(job.shown[0], torch.zeros_like(hu[0]))
    is_corrected = has_mask or is_dense
    assert torch.equal(result.hu[1], hu[1]) != is_corrected
    assert any("fine detail" in str(note) for note in result.notes) == is_corrected
    told = [str(note) for note in result.notes if "unchanged" in str(note)]
    found = "no pixel exceeds 1604 HU and the metal mask is empty, so the slice is unchanged."
    assert told == [f"Slice {k}: {found}" for k in range(1 if is_corrected else 2)]


def test_a_cancelled_run_stops_before_the_next_slice() -> None:
    with pytest.raises(Cancelled):
        Method().run(phantom_case(), Strength(), Watched(is_cancelled=True))


def test_weights_that_do_not_describe_their_network_are_refused() -> None:
    with pytest.raises(BadInput, match=r"weights/bundled\.safetensors does not describe its network"):
        Method().run(phantom_case(), Strength(), Watched(facts={}))


def test_large_metal_in_clinical_slices_gets_the_result_of_nmar_and_a_note() -> None:
    case, job = phantom_case(is_measured=False), Watched()
    parameters = Strength(strength=0.5)
    result = Method().run(case, parameters, job)
    for number in range(len(case.hu)):
        expected = (case.hu[number] + nmar_hu(case, number, job)[0]) / 2
        torch.testing.assert_close(result.hu[number], expected, atol=0.01, rtol=1e-5)
        torch.testing.assert_close(case.hu[number] - job.shown[number], result.hu[number], atol=0.01, rtol=1e-5)
    assert sum("NMAR was used instead" in str(note) for note in result.notes) == len(case.hu)
    assert not any("fine detail" in str(note) for note in result.notes)


def test_the_network_alone_sees_large_metal_if_it_is_chosen() -> None:
    clinical = phantom_case(is_measured=False)
    measured = replace(clinical, measured_sinogram=clinical.sinogram)
    alone = Strength(large_metal="network")
    result = Method().run(clinical, alone, Watched())
    assert torch.equal(result.hu, Method().run(measured, Strength(), Watched()).hu)
    assert not any("NMAR" in str(note) for note in result.notes)
