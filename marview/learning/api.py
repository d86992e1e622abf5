"""The contract of a method that learns: the batches it receives and what it says about its network (version 1)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from marview.learning.recipe import Recipe
from marview.projection import Projector, fill_linear

ONE_TURN = ("all",)
"""The turns of a method with one optimiser for all its parameters."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch: what a scanner shows of metal, and what is true. All on the training device, float32 or bool.

    A measured pair has a sinogram from the simulated scanner. A re-projected one is a clinical image: its sinogram is
    the forward projection of the image, its trace that of the metal grown by a pixel, as in `worker.front_end`, and its
    truth is the clinical image of the same scan without metal, since more cannot be asked of its sinogram.

    Attributes:
        truth_mu: without metal, 1/cm, `[slice, y, x]`.
        metal: pixels with metal in them, bool, `[slice, y, x]`.
        sinogram: with metal, line integrals, `[slice, view, bin]`.
        metal_free_sinogram: the same scan without metal, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        projector: between these images and sinograms.
        clinical_mu: the image a re-projected pair comes from, 1/cm, `[slice, y, x]`; None for a measured one.
    """

    truth_mu: Tensor
    metal: Tensor
    sinogram: Tensor
    metal_free_sinogram: Tensor
    trace: Tensor
    projector: Projector = field(repr=False)
    clinical_mu: Tensor | None = None

    def __len__(self) -> int:
        return len(self.truth_mu)

    @cached_property
    def image(self) -> Tensor:
        """The image with metal as a method's case has it, at least 0, 1/cm, `[slice, y, x]`."""
        return self.projector.fbp(self.sinogram).clamp(min=0) if self.clinical_mu is None else self.clinical_mu

    @cached_property
    def li_sinogram(self) -> Tensor:
        """The sinogram with its trace filled by linear interpolation, `[slice, view, bin]`."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def li_image(self) -> Tensor:
        """The image of the filled sinogram in 1/cm, `[slice, y, x]`."""
        return self.reconstruct(self.li_sinogram)

    def reconstruct(self, corrected_sinogram: Tensor) -> Tensor:
        """Image in 1/cm of a corrected sinogram, as `MarCase.reconstruct`; differentiable.

        Args:
            corrected_sinogram: line integrals, `[slice, view, bin]`.

        Returns:
            `[slice, y, x]`: its FBP; for a re-projected pair the image and the FBP of the change.
        """
        if self.clinical_mu is None:
            return self.projector.fbp(corrected_sinogram)
        return self.clinical_mu + self.projector.fbp(corrected_sinogram - self.sinogram)


@dataclass(frozen=True, eq=False)
class Unpaired:
    """A batch of two independent streams: images with metal, and images without metal of other slices.

    All tensors are on the training device and have one image size. Recipes with `kind = "unpaired"` get such batches.

    Attributes:
        with_metal_mu: images with metal, at least 0, 1/cm, `[slice, y, x]`.
        without_metal_mu: images of other slices without metal, 1/cm, `[slice, y, x]`.
        truth_mu: the images of `with_metal_mu` without metal, 1/cm, `[slice, y, x]`, where metal is simulated and the
            recipe keeps the pair; else None.
        metal: metal mask of `with_metal_mu`, bool, `[slice, y, x]`, wherever there is a truth.
    """

    with_metal_mu: Tensor
    without_metal_mu: Tensor
    truth_mu: Tensor | None = None
    metal: Tensor | None = None

    def __len__(self) -> int:
        return len(self.with_metal_mu)


Batch = Pairs | Unpaired
"""What one training step learns from."""


class BatchSource(Protocol):
    """Makes batches; the same number gives the same batch, whatever was asked for before."""

    def __call__(self, number: int) -> Batch:
        """The batch of a number, from 0."""


class PairSource(Protocol):
    """A source whose batches are pairs."""

    def __call__(self, number: int) -> Pairs:
        """The batch of a number, from 0."""


class Trainable(Protocol):
    """A method's network, losses and pictures; the class a recipe's `training` names, made without arguments.

    `settings` is the recipe's table `[network]` wherever it appears. torch's generators are seeded anew before every
    step, so that what `losses` leaves to chance is the same in a run that was resumed.

    A step asks for the losses of every turn in the order of `turns`, on one batch. A later turn may therefore use
    detached images that an earlier turn of the same step computed, so that all turns share one forward pass.

    `batch` is `Pairs`, or `Unpaired` where the recipe's data are of that kind.

    Attributes:
        turns: names of the optimisers, which take turns at every step; `ONE_TURN` unless losses oppose each other.
    """

    turns: tuple[str, ...]

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """One module with all networks in it; its `state_dict` is what a weights file holds."""

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """What the optimiser of a turn changes."""

    def losses(self, network: nn.Module, batch: Any, turn: str, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Weighted losses by name, scalars; the optimiser of the turn lowers their sum."""

    def pictures(self, network: nn.Module, batch: Any, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Pictures of the first slice by name, `[y, x]` in 1/cm or `[view, bin]`, for a look while training runs."""


@dataclass(frozen=True)
class Sources:
    """What a run learns from.

    Attributes:
        training: batches to learn from.
        validation: batches of held-out slices.
        words: what they are made of, without names of folders or people.
        collections: where that comes from, with licences, as far as it is known.
    """

    training: BatchSource
    validation: BatchSource
    words: str
    collections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What a person wants a network to learn from.

    Attributes:
        data: what stands behind `--data` or `--patient`.
        recipe: all of it.
        device: batches lie there.
        process: number of this process among those that train together, each on batches of its own.
        tell: hears what is read, and what is left out, with the reason.
        is_patient: whether `data` was named as a patient's own scan, with metal in it, and not as scans without.
        with_metal: scans of other patients with metal, for unpaired training; None where metal is simulated.
    """

    data: Path
    recipe: Recipe
    device: torch.device
    process: int = 0
    tell: Callable[[str], None] = field(default=lambda _: None)
    is_patient: bool = False
    with_metal: Path | None = None


@runtime_checkable
class OwnPairs(Protocol):
    """A trainable that makes its own pairs of what the person names, such as a patient's own slices.

    What a recipe says of protocols, metal and re-projection may then not be used, and no card or weights file says it.
    """

    def sources(self, asked: Asked) -> Sources:
        """Training and validation batches, neither of which may hold a slice of the other's.

        Raises:
            BadInput: there is nothing to train on; a sentence for the person.
        """
