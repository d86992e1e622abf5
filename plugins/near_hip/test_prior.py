"""Tests for the near-hip method's prior image."""

import pytest
import torch

from marview.methods import nmar
from marview.methods.api import MarCase
from marview.methods.trace_completion import complete_with_prior


@pytest.mark.parametrize("is_measured", [True, False])
@pytest.mark.parametrize("how", ["nmar", "li"])
def test_a_network_that_says_nothing_leaves_the_completion_it_starts_at(
    room, made, is_measured: bool, how: str
) -> None:
    """The prior image must not contain streaks from the uncorrected image.

    A change in the trace of the small scan cannot remove all of these streaks.
    """
    case, free = made.case()
    if not is_measured:
        case = MarCase(case.hu, case.metal, made.PIXEL_MM, case.beam, [5])
    scan = room.patient.SmallScan(32, 45, made.SIZE * made.PIXEL_MM)
    begun = room.network.image_of_start(case, how).clone()
    prior = room.method.prior_image(case, room.learned.Learned(room.network.Nothing(), "", scan, how))
    torch.testing.assert_close(prior, begun.clamp(min=0))
    completed = complete_with_prior(case.sinogram, case.projector.forward(prior), case.trace)
    if is_measured:
        error, of_start = (
            float((each - free)[case.trace].square().mean())
            for each in (completed, case.projector.forward(room.network.image_of_start(case, how)))
        )
        assert error < 1.1 * of_start


def test_the_change_on_the_small_scan_is_added_to_the_start_image(room, made) -> None:
    case, _ = made.case()
    scan = room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM)
    begun = room.network.image_of_start(case, "nmar")
    prior = room.method.prior_image(case, room.learned.Learned(made.Says(0.01), "", scan, "nmar"))
    trace = scan.projector.trace(scan.mask(case.metal))
    wanted = begun + scan.projector.fbp(torch.where(trace, 0.01 * scan.unit, 0.0))
    torch.testing.assert_close(prior, wanted.clamp(min=0), atol=2e-4, rtol=1e-3)


def test_thin_metal_takes_bone_from_the_uncorrected_slice_as_nmar_does(room, made, monkeypatch) -> None:
    case, _ = made.case()
    sources = []
    prior_of = nmar.prior_image
    monkeypatch.setattr(
        nmar, "prior_image", lambda source, *a, **k: sources.append(source) or prior_of(source, *a, **k)
    )
    room.network.image_of_start(case, "nmar")
    mild = MarCase(case.hu, case.metal, made.PIXEL_MM, case.beam, [5], case.li_sinogram, case.trace)
    room.network.image_of_start(mild, "nmar")
    assert torch.equal(sources[0], case.li_mu)
    assert torch.equal(sources[1], mild.mu)


def test_beside_thin_metal_in_a_clinical_image_the_network_is_left_out_and_the_note_says_so(loaded, room, made) -> None:
    """Near thin metal, NMAR's prior comes from the uncorrected image, unlike in training."""
    clean, _ = made.bodies(2)
    wire = torch.zeros(2, made.SIZE, made.SIZE, dtype=torch.bool)
    wire[:, 40, 20] = True  # metal that does not change the image
    _, masks = made.bodies(1)
    hu = clean.clone()
    hu[1][masks[0]] = 20_000
    case, _ = made.case()
    metal = torch.stack([wire[0], masks[0]])
    both = MarCase(hu, metal, made.PIXEL_MM, case.beam, [7, 8])
    scan = room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM)
    learned = room.learned.Learned(made.Says(0.01), "", scan, "nmar")
    prior, begun = room.method.prior_image(both, learned), room.network.image_of_start(both, "nmar").clamp(min=0)
    assert torch.equal(prior[0], begun[0])
    assert not torch.allclose(prior[1], begun[1], atol=1e-3)
    notes = loaded.method.run(both, loaded.parameters({}), made.Job(slices=0, loaded=loaded)).notes
    [said] = [note for note in notes if "there the network was not used" in str(note)]
    assert str(said).startswith("Slice 7: the metal hides few rays or attenuates little")
    assert said.made_by == "NMAR"
    measured = MarCase(hu, metal, made.PIXEL_MM, case.beam, [7, 8], both.sinogram)
    assert not torch.allclose(
        room.method.prior_image(measured, learned)[0], room.network.image_of_start(measured, "nmar")[0].clamp(min=0)
    )
