"""Tests for training DuDoNet: the losses, the ablations, and training one network after the other."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from marview.errors import BadInput
from marview.learning.api import Pairs
from marview.learning.losses import seen_error
from marview.learning.networks import line_unit
from marview.learning.weights import About, save_weights
from marview.worker.loading import LoadedMethod


@torch.no_grad()
@pytest.mark.parametrize("inversion", ["rebinned", "direct"])
def test_losses_have_the_weights_of_the_paper(room: Any, made: Any, inversion: str, discs: Any) -> None:
    pairs = discs(2)
    dual = made.small(room, inversion=inversion)
    corrected, inverted, result = room.training.forward(dual, pairs)
    assert torch.equal(inverted, room.inversion.inversion(pairs.projector, inversion)(corrected))
    losses = room.training.EndToEnd().losses(dual, pairs, "all", {})
    unit = line_unit(pairs.projector)
    for name, wanted in {
        "sinogram": (corrected - pairs.metal_free_sinogram).abs().mean() / unit,
        "consistency": (inverted - pairs.truth_mu).abs().mean(),
        "image": (result - pairs.truth_mu).abs().mean(),
    }.items():
        assert float(losses[name]) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("row", "ABCDEFG")
def test_every_ablation_learns_and_runs(
    loaded: LoadedMethod, room: Any, made: Any, row: str, weights_job: Any, discs: Any
) -> None:
    pairs = discs(2)
    settings = made.SMALL | room.settings.ABLATIONS[row]
    training = room.training.EndToEnd()
    network = training.build(settings).train()
    assert (network.image_net is None) is (row in "AB")
    assert (network.sinogram_net is None) is (row == "C")
    losses = training.losses(network, pairs, "all", settings)
    rows = {"sinogram": "ABDEFG", "consistency": "FG", "image": "CDEFG"}
    assert set(losses) == {name for name, having in rows.items() if row in having}
    torch.stack(list(losses.values())).sum().backward()
    assert all(each.grad is not None for each in training.parameters(network, "all"))
    assert set(training.pictures(network, pairs, settings)) == {"prior", "corrected_sinogram", "result"}
    result = loaded.method.run(made.case_of(pairs), loaded.parameters({}), weights_job(network, settings))
    assert bool(result.hu.isfinite().all())


def test_gradients_pass_the_inversion_layer(room: Any, made: Any, discs: Any) -> None:
    """The image loss alone is enough to train SE-Net."""
    pairs = discs()
    for inversion in ("rebinned", "direct"):
        network = made.small(room, inversion=inversion).train()
        room.training.EndToEnd().losses(network, pairs, "all", {})["image"].backward()
        assert all(float(each.grad.abs().max()) > 0 for each in network.sinogram_net.last.parameters())


@torch.no_grad()
def test_error_of_a_sinogram_is_weighed_as_its_image_has_it(room: Any, made: Any, discs: Any) -> None:
    """Sinogram errors are weighted by their effect on the squared error of the image.

    A constant error therefore counts less than a fine pattern.
    """
    pairs = discs(3)
    seen, fbp = seen_error, pairs.projector.fbp
    error = pairs.li_sinogram - pairs.metal_free_sinogram
    assert torch.allclose(seen(2 * error), 4 * seen(error), rtol=1e-4)
    share = seen(error) / fbp(error).square().mean(dim=(1, 2))
    assert torch.allclose(share, share.mean().expand(3), rtol=0.3)
    pattern = torch.cos(torch.arange(made.BINS) * math.pi / 3).expand(1, made.VIEWS, made.BINS)
    assert float(seen(torch.ones_like(pattern))) < 0.2 * float(seen(pattern))


def learn(trainable: Any, network: nn.Module, pairs: Pairs, name: str, steps: int, rate: float) -> list[float]:
    """Train a network, and return its loss on whole slices before and after training."""

    @torch.no_grad()
    def loss() -> float:
        return float(trainable.losses(network.eval(), pairs, "all", {})[name])

    torch.manual_seed(0)
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), rate)
    found = [loss()]
    for _ in range(steps):
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", {})[name].backward()
        optimiser.step()
    return [*found, loss()]


def test_the_sinogram_network_alone_learns_from_blocks_of_views(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    for start in ("nmar", "li"):
        trainable = room.sinogram_training.SinogramTraining()
        network = trainable.build(made.SMALL | made.STAGED | {"image_net": False, "sinogram_start": start})
        found = learn(trainable, network, pairs, "sinogram", 60, 3e-3)
        assert 0.5 < found[0] <= 1  # fraction of the initial error
        assert found[-1] < 0.95 * found[0]
        assert set(trainable.pictures(network, pairs, {})) == {"prior", "result", "corrected_sinogram"}


def test_the_image_network_alone_learns_from_patches_behind_a_network_that_stays(
    room: Any, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, discs: Any
) -> None:
    pairs = discs(2)
    settings = made.SMALL | made.STAGED
    learned = made.small(room, **made.STAGED | {"image_net": False})
    nn.init.normal_(learned.sinogram_net.last.weight, std=0.1)
    file = tmp_path / "bundled.safetensors"
    save_weights(file, learned.state_dict(), About("dudonet", "1.0.0", settings | {"image_net": False}, ("adn-256",)))
    monkeypatch.setattr(room.image_training, "WEIGHTS", file)
    trainable = room.image_training.ImageTraining()
    network = trainable.build(settings)
    found = learn(trainable, network, pairs, "image", 40, 3e-3)
    assert 0.8 < found[0] <= 1
    assert found[-1] < 0.9 * found[0]
    for name, kept in learned.sinogram_net.state_dict().items():
        assert torch.equal(network.sinogram_net.state_dict()[name], kept.half().float())
    with pytest.raises(BadInput, match=r"has no weights for these settings.* --begin-with"):
        trainable.build(settings | {"sinogram_base": 5})
    monkeypatch.setattr(room.image_training, "WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(BadInput, match=r"has no weights for these settings.* --begin-with"):
        trainable.build(settings)
    assert trainable.build(settings | {"sinogram_net": "none"}).sinogram_net is None


def test_training_of_one_network_refuses_the_other(room: Any, made: Any) -> None:
    with pytest.raises(BadInput, match="SE-Net alone"):
        room.sinogram_training.SinogramTraining().build(made.SMALL)
    with pytest.raises(BadInput, match="trains IE-Net"):
        room.image_training.ImageTraining().build(made.SMALL | {"image_net": False})


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_eight_slices_are_learned_by_heart(room: Any, made: Any, learn_by_heart: Any, discs: Any) -> None:
    """The error falls below 10% of linear interpolation's error in the trace, and below 40% of it in the image."""
    pairs = discs(8, seed=3)
    training = room.training.EndToEnd()
    torch.manual_seed(0)
    widths = {"sinogram_base": 16, "image_base": 16, "starts_at_zero": True, "is_residual": True}
    settings = made.SMALL | widths | {"sinogram_start": "nmar", "losses": {"sinogram": 30.0, "image": 2.0}}
    network = training.build(settings)
    losses = training.losses
    # At twice this rate, IE-Net sometimes ends at 0.43 of LI's image error instead of 0.25.
    learn_by_heart(network, lambda _: torch.stack(list(losses(network, pairs, "all", {}).values())).sum(), 1000, 2.5e-3)
    with torch.no_grad():
        corrected, _, result = room.training.forward(network, pairs)
    free = pairs.metal_free_sinogram
    ours, li = (float((each - free)[pairs.trace].abs().mean()) for each in (corrected, pairs.li_sinogram))
    assert ours < 0.1 * li
    ours, li = (float((each - pairs.truth_mu).square().mean().sqrt()) for each in (result, pairs.li_image))
    assert ours < 0.4 * li
