"""The contract of a method that learns: the batches that it receives and its network (version 1)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from marview.learning.recipe import Recipe
from marview.methods.api import MarCase
from marview.physics.attenuation import mu_to_hu
from marview.projection import Projector, fill_linear

ONE_TURN = ("all",)
"""The turns of a method with a single optimiser for all parameters."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch of images with metal and their truth, on the training device, float32 or bool.

    A measured pair has a sinogram from the simulated scanner. A re-projected pair is a clinical image: its sinogram is
    the forward projection of the image, and its trace belongs to the metal grown by a pixel, as in `worker.front_end`.
    Its truth is the clinical image of the same scan without metal, because its sinogram allows no better result.

    Attributes:
        truth_mu: image without metal, 1/cm, `[slice, y, x]`.
        metal: bool `[slice, y, x]`; True where a pixel contains metal.
        sinogram: line integrals with metal, `[slice, view, bin]`.
        metal_free_sinogram: line integrals of the same scan without metal, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        projector: projector between these images and sinograms.
        clinical_mu: clinical image of a re-projected pair, 1/cm, `[slice, y, x]`; None for a measured pair.
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
        """The image with metal as in a method's case, at least 0, 1/cm, `[slice, y, x]`."""
        return self.projector.fbp(self.sinogram).clamp(min=0) if self.clinical_mu is None else self.clinical_mu

    def case(self) -> MarCase:
        """Return the case that a method receives of these images, so that training can share the method's code."""
        return MarCase(
            hu=mu_to_hu(self.image),
            metal=self.metal,
            pixel_mm=self.projector.pixel_mm,
            beam=self.projector.beam,
            slice_indices=list(range(len(self))),
            measured_sinogram=self.sinogram if self.clinical_mu is None else None,
            measured_trace=self.trace,
        )

    @cached_property
    def li_sinogram(self) -> Tensor:
        """The sinogram with its trace filled by linear interpolation, `[slice, view, bin]`."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def li_image(self) -> Tensor:
        """The image of the filled sinogram in 1/cm, `[slice, y, x]`."""
        return self.reconstruct(self.li_sinogram)

    def reconstruct(self, corrected_sinogram: Tensor) -> Tensor:
        """Reconstruct a corrected sinogram as `MarCase.reconstruct` does; differentiable.

        Args:
            corrected_sinogram: line integrals, `[slice, view, bin]`.

        Returns:
            Attenuation in 1/cm, `[slice, y, x]`: the FBP, or for a re-projected pair the image plus the FBP of the
            change.
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
        truth_mu: truth of `with_metal_mu`, 1/cm, `[slice, y, x]`, if the metal is simulated and the recipe keeps the
            pair; else None.
        metal: metal mask of `with_metal_mu`, bool `[slice, y, x]`, if there is a truth.
    """

    with_metal_mu: Tensor
    without_metal_mu: Tensor
    truth_mu: Tensor | None = None
    metal: Tensor | None = None

    def __len__(self) -> int:
        return len(self.with_metal_mu)


Batch = Pairs | Unpaired
"""What a training step learns from."""


class BatchSource(Protocol):
    """Source of batches. A number always gives the same batch, whatever the order of the calls."""

    def __call__(self, number: int) -> Batch:
        """Return the batch of a number, from 0."""


class PairSource(Protocol):
    """A source whose batches are pairs."""

    def __call__(self, number: int) -> Pairs:
        """Return the batch of a number, from 0."""


class Trainable(Protocol):
    """Network, losses and pictures of a method: the class in a recipe's `training`, instantiated without arguments.

    `settings` is always the recipe's table `[network]`. The random generators of torch are seeded before every step,
    so that a resumed run draws the same random numbers in `losses`.

    Each step requests the losses of every turn, in the order of `turns`, for one batch. A later turn can therefore use
    detached images that an earlier turn of the same step computed, so that all turns share one forward pass.

    `batch` is a `Pairs`, or an `Unpaired` for recipes with unpaired data.

    Attributes:
        turns: names of the optimisers, used in turn in every step; `ONE_TURN` unless losses are adversarial.
    """

    turns: tuple[str, ...]

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build one module with all networks; its `state_dict` becomes the weights file."""

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Return the parameters that the optimiser of a turn changes."""

    def losses(self, network: nn.Module, batch: Any, turn: str, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Return weighted losses by name, scalars; the optimiser of the turn reduces their sum."""

    def pictures(self, network: nn.Module, batch: Any, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Return pictures of the first slice by name, `[y, x]` in 1/cm or `[view, bin]`, to watch the training."""


@dataclass(frozen=True)
class Sources:
    """Data of a training run.

    Attributes:
        training: training batches.
        validation: batches of held-out slices.
        words: description of the data, without names of folders or people.
        collections: sources with their licences, as far as they are known.
    """

    training: BatchSource
    validation: BatchSource
    words: str
    collections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The data that the user chose for training.

    Attributes:
        data: path given as `--data` or `--patient`.
        recipe: the recipe.
        device: device for the batches.
        process: number of this training process; each process has its own batches.
        tell: receives sentences on what is read, and what is left out and why.
        is_patient: whether `data` is a patient's own scan with metal, not scans without metal.
        with_metal: scans of other patients with metal, for unpaired training; None if metal is simulated.
        spectral: spectral scans of the patients in `data`, for `SpectralPairs`; None if they are simulated.
    """

    data: Path
    recipe: Recipe
    device: torch.device
    process: int = 0
    tell: Callable[[str], None] = field(default=lambda _: None)
    is_patient: bool = False
    with_metal: Path | None = None
    spectral: Path | None = None


@runtime_checkable
class OwnPairs(Protocol):
    """A trainable that makes pairs from the user's data itself, for instance from a patient's own slices.

    It may ignore protocols, metal and re-projection of the recipe; the model card and weights then leave them out.
    """

    def sources(self, asked: Asked) -> Sources:
        """Make training and validation batches that share no slice.

        Raises:
            BadInput: there is nothing to train on; a sentence for the user.
        """


@runtime_checkable
class SpectralPairs(OwnPairs, Protocol):
    """A trainable that also learns from real pairs: ordinary scans with metal and spectral scans of the same patients.

    Attributes:
        is_spectral: always true; it tells such a trainable from others.
    """

    is_spectral: bool
