"""Tests for the network that was trained on several patients."""

import re
from pathlib import Path

import pytest
import torch

from marview.errors import MethodFailed
from marview.learning.install import install
from marview.learning.train import Order, train
from marview.mar import Listing
from marview.methods.api import MarCase
from marview.worker.loading import load_method

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (0, "the scan has 0 slices without metal"),
        (1, "the scan has 1 slice without metal"),
        (2, "the scan has 2 slices without metal"),
    ],
)
def test_a_scan_with_too_few_slices_without_metal_is_left_to_it_and_the_note_says_so(loaded, made, count, says) -> None:
    case, free = made.case()
    job = made.Job(slices=count, loaded=loaded)
    result = loaded.method.run(case, loaded.parameters({"steps": 7}), job)
    assert job.learned == []
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    error, li_error = (
        float((one - free)[case.trace].square().mean()) for one in (result.corrected_sinogram, case.li_sinogram)
    )
    assert error < li_error
    words = str(result.notes[0])
    assert says in words
    assert "was not trained on this patient" in words
    other = loaded.method.run(case, loaded.parameters({"size_px": 64}), made.Job(slices=count, loaded=loaded))
    assert torch.equal(other.hu, result.hu)  # the settings of the training have no effect if the run does not train


def test_learning_from_random_weights_is_refused_without_clean_slices(loaded, made) -> None:
    case, _ = made.case()
    refusal = r"needs 3 slices without metal .* has only 2\..* 'Initial weights' \(begin\) to weights\."
    with pytest.raises(MethodFailed, match=refusal):
        loaded.method.run(case, loaded.parameters({"begin": "nothing"}), made.Job(slices=2, loaded=loaded))


@pytest.mark.parametrize(("slices", "rate"), [(0, 1e-4), (6, 1.0)])
def test_a_case_outside_the_training_gets_a_note(loaded, made, slices, rate) -> None:
    """The case has no slices to train on, or training on them does not help."""
    case, _ = made.case()
    wide = MarCase(case.hu, case.hu > 0, case.pixel_mm, case.beam, [5], case.sinogram)
    parameters = loaded.parameters({"steps": 2, "size_px": 64, "views": 45, "learning_rate": rate})
    notes = loaded.method.run(wide, parameters, made.Job(slices=slices, loaded=loaded)).notes
    assert re.search("(was|were) not trained on this patient", str(notes[0]))
    assert any(str(note).startswith("Slice 5: metal hides") for note in notes)


def test_it_is_the_network_of_its_recipe(loaded, room, made) -> None:
    learned = room.method.of_several(made.Job(loaded=loaded), 384.0)
    assert sum(one.numel() for one in learned.network.parameters()) == 154_096
    assert (learned.start, learned.has_alike) == ("nmar", True)
    assert (learned.scan.size_px, learned.scan.views, learned.scan.field_mm) == (256, 180, 384.0)


def test_own_weights_of_any_size_take_its_place(room, made, loaded, scans: Path, tmp_path: Path) -> None:
    listing = Listing("near_hip", HERE, "bundled", loaded.manifest)
    train(listing, Order(scans, tmp_path / "run", "tiny", device="cpu"))
    own = load_method(install(tmp_path / "run", listing, tmp_path / "mine"))
    learned = room.method.of_several(made.Job(loaded=own), 384.0)
    assert (learned.start, learned.scan.size_px) == ("li", 64)
    case, _ = made.case()
    few, some = (
        str(own.method.run(case, own.parameters({"steps": 2}), made.Job(slices=count, loaded=own)).notes[0])
        for count in (1, 6)
    )
    assert "20 steps" in few
    assert "The network was trained on 5 slices of this scan" in some


def test_weights_of_another_network_are_refused(room, made, loaded) -> None:
    class Other(made.Job):
        def weights(self, file: str) -> dict[str, torch.Tensor]:
            return room.network.NearHipCnn(4).state_dict()

    with pytest.raises(MethodFailed, match="are for a different network"):
        room.method.of_several(Other(loaded=loaded), 384.0)


def test_a_body_of_any_brightness_looks_alike_to_it(room, made) -> None:
    """The network's change is proportional to attenuation, because training slices were scaled to water."""
    case, _ = made.case()
    brighter = MarCase(
        1.3 * (case.hu + 1000) - 1000, case.metal, case.pixel_mm, case.beam, [5], 1.3 * case.sinogram, case.trace
    )
    torch.manual_seed(0)
    network = room.network.NearHipCnn(4, planes=3).eval()
    scan = room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM)
    changes = {}
    for has_alike in (True, False):
        learned = room.learned.Learned(network, "", scan, "li", has_alike=has_alike)
        with torch.no_grad():
            once, more = (room.method.prior_image(each, learned) - each.li_mu.clamp(min=0) for each in (case, brighter))
        changes[has_alike] = float((more / 1.3 - once).abs().mean() / once.abs().mean())
    assert changes[True] < 0.02
    assert changes[False] > 0.05


def test_slices_of_a_batch_do_not_see_each_other(loaded, made) -> None:
    case, _ = made.case()
    other = torch.roll(case.hu, 4, dims=-1)
    both = MarCase(torch.cat([case.hu, other]), case.metal.expand(2, -1, -1), case.pixel_mm, case.beam, [5, 6])
    alone = MarCase(case.hu, case.metal, case.pixel_mm, case.beam, [5])
    together, single = (
        loaded.method.run(each, loaded.parameters({}), made.Job(slices=0, loaded=loaded)).hu for each in (both, alone)
    )
    assert torch.allclose(together[:1], single, atol=0.5)
