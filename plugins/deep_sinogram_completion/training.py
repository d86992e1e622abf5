"""Joint training of both networks (Yu 2021, equations 2 and 6 to 8)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Pairs
from marview.learning.losses import l1
from marview.learning.networks import line_unit
from marview.methods.trace_completion import compose, hidden_share

from .network import Completion
from .settings import Losses, read_settings


class JointTraining:
    """Joint training of PriorNet and SinoNet with loss (8).

    On a CPU, projecting and reconstructing whole slices takes most of a step's time. A recipe may therefore
    use blocks of neighbouring views, without the image term of the loss, in a fraction of the steps.
    """

    turns = ONE_TURN

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build both networks."""
        return Completion(read_settings(settings))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return the parameters of both networks."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the weighted losses on whole slices or, at random, on a block of views."""
        completion = _completion(network)
        weights = completion.settings.losses
        is_block = network.training and float(torch.rand(())) < weights.block_share
        return (block_losses if is_block else joint_losses)(completion, pairs, weights)

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return `prior` and `result`, `[y, x]` in 1/cm, and `corrected_sinogram`, `[view, bin]`."""
        completion = _completion(network)
        first = _first(pairs)
        prior, _, corrected = forward(completion, first)
        return {
            "prior": prior[0],
            "result": first.reconstruct(corrected)[0],
            "corrected_sinogram": corrected[0],
        }


def joint_losses(completion: Completion, pairs: Pairs, weights: Losses) -> dict[str, Tensor]:
    """Compute losses (2), (6) and (7), on the prior image, the sinogram and the result.

    The sinogram loss is in the network's unit.
    """
    prior, completed, corrected = forward(completion, pairs)
    losses = _before_reconstruction(completion, pairs, prior, completed, corrected, pairs.metal_free_sinogram)
    losses["image"] = weights.image * l1(pairs.reconstruct(corrected), pairs.truth_mu, ~pairs.metal)
    return losses


def block_losses(completion: Completion, pairs: Pairs, weights: Losses) -> dict[str, Tensor]:
    """Compute loss (2) on whole slices, and loss (6) on a block of neighbouring views."""
    projector = pairs.projector
    views = projector.beam.views
    count = min(weights.block_views, views)
    first = int(torch.randint(views - count + 1, ()))
    step = projector.beam.arc_rad / views
    beam = replace(
        projector.beam,
        views=count,
        first_angle_rad=projector.beam.first_angle_rad + first * step,
        arc_rad=count * step,
    )
    sinogram, trace, wanted = (
        each[:, first : first + count] for each in (pairs.sinogram, pairs.trace, pairs.metal_free_sinogram)
    )
    prior = prior_of(completion, pairs)
    prior_sinogram = replace(projector, beam=beam).forward(completion.guide(prior, pairs.metal))
    completed = completion.complete(sinogram, prior_sinogram, trace, line_unit(projector))
    return _before_reconstruction(completion, pairs, prior, completed, compose(completed, sinogram, trace), wanted)


def forward(completion: Completion, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
    """Return the prior image in 1/cm, SinoNet's sinogram and the corrected sinogram, for whole slices."""
    prior = prior_of(completion, pairs)
    prior_sinogram = pairs.projector.forward(completion.guide(prior, pairs.metal))
    completed = completion.complete(pairs.sinogram, prior_sinogram, pairs.trace, line_unit(pairs.projector))
    return prior, completed, compose(completed, pairs.sinogram, pairs.trace)


def prior_of(completion: Completion, pairs: Pairs) -> Tensor:
    """Return PriorNet's images in 1/cm, `[slice, y, x]`."""
    hidden = hidden_share(pairs.projector, pairs.trace) if completion.settings.sees_hidden else None
    return completion.prior(pairs.image, pairs.li_image, pairs.metal, hidden)


def _before_reconstruction(
    completion: Completion, pairs: Pairs, prior: Tensor, completed: Tensor, corrected: Tensor, wanted: Tensor
) -> dict[str, Tensor]:
    weights = completion.settings.losses
    of_sinogram = weights.sinogram / line_unit(pairs.projector)
    losses = {
        "sinogram": of_sinogram * l1(corrected, wanted),
        "whole_sinogram": of_sinogram * weights.whole_sinogram * l1(completed, wanted),
    }
    if completion.prior_net is not None:
        losses["prior"] = weights.prior * l1(prior, pairs.truth_mu)
    return losses


def _first(pairs: Pairs) -> Pairs:
    """Return a batch of the first slice only."""
    names = ("truth_mu", "metal", "sinogram", "metal_free_sinogram", "trace")
    clinical_mu = None if pairs.clinical_mu is None else pairs.clinical_mu[:1]
    return replace(pairs, clinical_mu=clinical_mu, **{name: getattr(pairs, name)[:1] for name in names})


def _completion(network: nn.Module) -> Completion:
    assert isinstance(network, Completion)
    return network
