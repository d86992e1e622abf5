"""The prior image of the near-hip method."""

import pytest
import torch

from marview.worker.api import MarCase


@pytest.mark.parametrize("is_measured", [True, False])
@pytest.mark.parametrize("how", ["nmar", "li"])
def test_a_network_that_says_nothing_leaves_the_completion_it_starts_at(
    room, made, is_measured: bool, how: str
) -> None:
    """Streaks of the image, which the trace of the small scan does not hide, are not in the prior."""
    case, free = made.case()
    if not is_measured:
        case = MarCase(case.hu, case.metal, made.PIXEL_MM, case.beam, [5])
    scan = room.patient.SmallScan(32, 45, made.SIZE * made.PIXEL_MM)
    begun = room.start.image_of_start(case, how).clone()
    prior = room.prior.prior_image(case, room.learned.Learned(room.learned.Nothing(), "", scan, how))
    torch.testing.assert_close(prior, begun.clamp(min=0))
    completed = room.prior.complete(case.sinogram, case.projector.forward(prior), case.trace)
    if is_measured:
        error, of_start = (
            float((each - free)[case.trace].square().mean())
            for each in (completed, case.projector.forward(room.start.image_of_start(case, how)))
        )
        assert error < 1.1 * of_start


def test_what_the_network_changes_on_the_small_scan_is_added_to_the_image_it_starts_at(room, made) -> None:
    case, _ = made.case()
    scan = room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM)
    begun = room.start.image_of_start(case, "nmar")
    prior = room.prior.prior_image(case, room.learned.Learned(made.Says(0.01), "", scan, "nmar"))
    trace = scan.projector.trace(scan.mask(case.metal))
    wanted = begun + scan.projector.fbp(torch.where(trace, 0.01 * scan.unit, 0.0))
    torch.testing.assert_close(prior, wanted.clamp(min=0), atol=2e-4, rtol=1e-3)


def test_thin_metal_takes_bone_from_the_uncorrected_slice_as_nmar_does(room, made, monkeypatch) -> None:
    case, _ = made.case()
    sources = []
    prior_of = room.start.prior_image
    monkeypatch.setattr(
        room.start, "prior_image", lambda source, *a, **k: sources.append(source) or prior_of(source, *a, **k)
    )
    room.start.image_of_start(case, "nmar")
    mild = MarCase(case.hu, case.metal, made.PIXEL_MM, case.beam, [5], case.li_sinogram, case.trace)
    room.start.image_of_start(mild, "nmar")
    assert torch.equal(sources[0], case.li_mu)
    assert torch.equal(sources[1], mild.mu)
