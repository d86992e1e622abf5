"""Tests for DuDoNet runs, including runs with the bundled weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from marview.errors import MethodFailed
from marview.learning.networks import line_unit
from marview.learning.recipe import read_recipe
from marview.methods.api import MarCase
from marview.methods.trace_completion import grown
from marview.physics import protocol, simulate
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import fill_linear
from marview.worker.loading import LoadedMethod

HERE = Path(__file__).parent


@pytest.mark.parametrize("is_clinical", [False, True])
@pytest.mark.parametrize(
    ("settings", "is_staged"),
    [
        ({}, False),
        ({"inversion": "rebinned"}, False),
        ({"fold": 2}, False),
        ({"fold": 5}, False),
        ({"starts_at_zero": False}, True),
    ],
    ids=str,
)
def test_the_method_does_what_was_trained(
    loaded: LoadedMethod,
    room: Any,
    made: Any,
    is_clinical: bool,
    settings: dict[str, Any],
    is_staged: bool,
    weights_job: Any,
    discs: Any,
) -> None:
    pairs = discs(2, is_clinical=is_clinical)
    settings = made.STAGED | settings if is_staged else settings
    network = made.small(room, **settings)
    network.load_state_dict({name: tensor.half().float() for name, tensor in network.state_dict().items()})
    case, job = made.case_of(pairs), weights_job(network, made.SMALL | settings)
    if case.measured_sinogram is None:
        case.__dict__["sinogram"] = pairs.sinogram
    with torch.no_grad():
        corrected, inverted, image = room.training.forward(network, pairs)
    result = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), job)
    assert torch.allclose(result.corrected_sinogram, corrected, atol=1e-3)
    assert torch.allclose(result.prior_hu, mu_to_hu(inverted), atol=2)
    assert torch.allclose(result.hu, mu_to_hu(image), atol=2)
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert set(job.shown) == {(name, index) for name in ("prior", "corrected_sinogram") for index in (7, 8)}
    alone = loaded.method.run(case, loaded.parameters({"refines_image": False}), job)
    assert torch.equal(alone.hu, result.prior_hu)


@torch.no_grad()
@pytest.mark.parametrize("is_clinical", [False, True])
def test_where_it_is_asked_for_the_image_only_fills_the_trace(
    loaded: LoadedMethod, room: Any, made: Any, is_clinical: bool, weights_job: Any, discs: Any
) -> None:
    pairs = discs(2, is_clinical=is_clinical)
    case, job = made.case_of(pairs), weights_job(made.small(room), made.SMALL)
    free = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), job)
    kept = loaded.method.run(case, loaded.parameters({"keeps_measured": "always"}), job)
    usual = loaded.method.run(case, loaded.parameters({}), job)
    assert torch.equal(usual.hu, kept.hu if is_clinical else free.hu)
    prior = case.projector.forward(torch.where(grown(case.metal), case.li_mu, hu_to_mu(free.hu)))
    wanted = torch.where(case.trace, prior + fill_linear(case.sinogram - prior, case.trace), case.sinogram)
    assert torch.allclose(kept.corrected_sinogram, wanted, atol=1e-3)
    assert torch.equal(kept.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert torch.allclose(kept.hu, mu_to_hu(case.reconstruct(wanted)), atol=3)


def test_a_clinical_slice_keeps_what_no_network_touched(
    loaded: LoadedMethod, room: Any, made: Any, gives: Any, discs: Any
) -> None:
    """Projection and inversion do not blur the image if the networks change nothing."""
    pairs = discs(is_clinical=True)
    case = made.case_of(pairs)
    dual = made.small(room, starts_at_zero=True)
    dual.sinogram_net = gives(lambda seen, trace: case.sinogram / line_unit(case.projector))
    kept = dual.invert(
        torch.where(case.trace, case.sinogram, case.li_sinogram), case.projector, (case.mu, case.sinogram)
    )
    assert torch.allclose(kept, case.mu, atol=1e-5)


def test_slices_of_a_batch_do_not_see_each_other(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs(3)
    job = weights_job(made.small(room), made.SMALL)
    together = loaded.method.run(made.case_of(pairs), loaded.parameters({}), job).hu
    case = made.case_of(pairs)
    alone = MarCase(case.hu[1:2], case.metal[1:2], made.PIXEL_MM, case.beam, [1], measured_sinogram=pairs.sinogram[1:2])
    assert torch.allclose(together[1:2], loaded.method.run(alone, loaded.parameters({}), job).hu, atol=0.5)


def test_weights_of_another_network_are_refused(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    case = made.case_of(discs())
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room, image_base=8), made.SMALL))
    with pytest.raises(MethodFailed, match="missing"):
        loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room, sinogram_net="none"), made.SMALL))


@torch.no_grad()
def test_bundled_weights_come_closer_than_linear_interpolation_and_leave_the_measured_sinogram(
    loaded: LoadedMethod, room: Any, weights_job: Any
) -> None:
    """The case is a simulated body with two titanium pins, scanned with a protocol used in training."""
    scan = protocol("dudonet-640")
    y, x = np.mgrid[: scan.shape[0], : scan.shape[1]] - (scan.shape[0] - 1) / 2
    hu = np.where((x / 180) ** 2 + (y / 130) ** 2 < 1, 40.0, -1000.0)
    hu[np.hypot(x + 70, y) < 45] = -80
    hu[np.hypot(x, y - 70) < 28] = 500
    pins = (np.hypot(x - 40, y + 10) < 9) | (np.hypot(x + 30, y - 60) < 7)
    hu = gaussian_filter(hu, 1.0)  # the kernel of a clinical image
    scanned = simulate(np.float32(hu[None]), {"ti": np.float32(pins[None])}, scan, seed=1)
    sinogram, metal = scanned.sinogram, scanned.metal
    image = scanned.projector.fbp(sinogram).clamp(min=0)
    clean = scanned.projector.fbp(scanned.metal_free_sinogram).clamp(min=0)
    trace = scanned.projector.trace(grown(metal))
    for measured, truth in ((sinogram, scanned.mu), (None, clean)):
        case = MarCase(
            mu_to_hu(image), metal, scan.pixel_mm, scan.beam, [0], measured, trace if measured is None else None
        )
        result = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), weights_job.bundled(loaded))
        ours, li = (
            float((hu - mu_to_hu(truth))[~metal].square().mean().sqrt())
            for hu in (result.hu.clamp(min=-1000), mu_to_hu(case.li_mu).clamp(min=-1000))
        )
        assert ours < li
        assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
        assert not [note for note in result.notes if "not trained on" in str(note)]


def test_bundled_weights_fit_beside_the_code(loaded: LoadedMethod, room: Any, weights_job: Any) -> None:
    loaded.check_weights()
    [named] = loaded.manifest.weights
    assert (HERE / named.file).stat().st_size <= 16e6
    dual = room.method.load(weights_job.bundled(loaded))
    assert dual.sinogram_net is not None
    assert dual.image_net is not None
    assert sum(each.numel() for each in dual.parameters()) <= 8_000_000
    assert dual.settings == room.settings.read_settings(read_recipe(HERE, "cpu").network)
