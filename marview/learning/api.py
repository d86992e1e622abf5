"""Interface of a trainable method: the batches that it receives, its network and its losses (version 1)."""

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
"""Value of `Trainable.turns` for a method with a single optimiser for all parameters."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch of images with metal and their ground truth, on the training device, float32 or bool.

    The sinogram of a measured pair comes from the simulated scanner. A re-projected pair starts from a
    clinical image: its sinogram is the forward projection of that image, and its metal trace is the
    projection of the metal mask after enlarging the mask by one pixel, as in `worker.front_end`. Its
    ground truth is the clinical image of the same scan without metal, the best result that its sinogram
    allows.

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
        """Image with metal as a method receives it: at least 0, in 1/cm, `[slice, y, x]`."""
        return self.projector.fbp(self.sinogram).clamp(min=0) if self.clinical_mu is None else self.clinical_mu

    def case(self) -> MarCase:
        """Convert the batch to the case that a method receives, so that training and correction can share code."""
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
        """The sinogram with its metal trace filled by linear interpolation, `[slice, view, bin]`."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def li_image(self) -> Tensor:
        """The image reconstructed from `li_sinogram`, in 1/cm, `[slice, y, x]`."""
        return self.reconstruct(self.li_sinogram)

    def reconstruct(self, corrected_sinogram: Tensor) -> Tensor:
        """Reconstruct a corrected sinogram as `MarCase.reconstruct` does; differentiable.

        Args:
            corrected_sinogram: line integrals, `[slice, view, bin]`.

        Returns:
            Attenuation in 1/cm, `[slice, y, x]`: the FBP of the corrected sinogram; for a re-projected
            pair, the clinical image plus the FBP of the difference from the original sinogram.
        """
        if self.clinical_mu is None:
            return self.projector.fbp(corrected_sinogram)
        return self.clinical_mu + self.projector.fbp(corrected_sinogram - self.sinogram)


@dataclass(frozen=True, eq=False)
class Unpaired:
    """A batch of unpaired images: some with metal, and others without metal from different slices.

    All tensors are on the training device, and all images have the same size. Recipes with `kind = "unpaired"` use such
    batches.

    Attributes:
        with_metal_mu: images with metal, at least 0, 1/cm, `[slice, y, x]`.
        without_metal_mu: images of other slices without metal, 1/cm, `[slice, y, x]`.
        truth_mu: ground truth of `with_metal_mu`, 1/cm, `[slice, y, x]`, if the metal is simulated and the recipe keeps
            the pair; else None.
        metal: metal mask of `with_metal_mu`, bool `[slice, y, x]`, if there is a ground truth.
    """

    with_metal_mu: Tensor
    without_metal_mu: Tensor
    truth_mu: Tensor | None = None
    metal: Tensor | None = None

    def __len__(self) -> int:
        return len(self.with_metal_mu)


Batch = Pairs | Unpaired
"""Batch of a training step."""


class BatchSource(Protocol):
    """Function that returns the batch with a given number; the result does not depend on earlier calls."""

    def __call__(self, number: int) -> Batch:
        """Return the batch with this number, counted from 0."""


class PairSource(Protocol):
    """Source whose batches are always `Pairs`."""

    def __call__(self, number: int) -> Pairs:
        """Return the batch with this number, counted from 0."""


class Trainable(Protocol):
    """Network, losses and preview images of a trainable method; a recipe names the class as `training`.

    marview instantiates the class without arguments and passes the recipe's table `[network]` as `settings`.
    It seeds PyTorch's random generators before every step, so that a resumed run draws the same random
    numbers in `losses`.

    A turn is the update by one optimiser. In each step, marview calls `losses` once per turn on the same
    batch, in the order of `turns`. A later turn can therefore use detached images that an earlier turn of
    the same step computed, so that all turns share one forward pass.

    `batch` is a `Pairs`, or an `Unpaired` for recipes with unpaired data.

    Attributes:
        turns: names of the optimisers, in the order of their updates in each step; `ONE_TURN` unless losses
            are adversarial.
    """

    turns: tuple[str, ...]

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build one module that contains all networks; its `state_dict` becomes the weights file."""

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Return the parameters that the optimiser of this turn updates."""

    def losses(self, network: nn.Module, batch: Any, turn: str, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Return the weighted scalar losses, keyed by name; the optimiser of this turn minimises their sum."""

    def pictures(self, network: nn.Module, batch: Any, settings: Mapping[str, Any], /) -> dict[str, Tensor]:
        """Return preview images of the first slice for the run folder, by name: `[y, x]` in 1/cm or `[view, bin]`."""


@dataclass(frozen=True)
class Sources:
    """Data of a training run.

    Attributes:
        training: training batches.
        validation: batches of held-out slices.
        words: description of the data, without names of folders or people.
        collections: data collections with their licences, if known.
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
        recipe: recipe of the training.
        device: device for the batches.
        process: number of this training process; each process has its own batches.
        tell: function called with messages about the files that are read or left out.
        is_patient: whether `data` is a patient's own scan with metal instead of scans without metal.
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
    """Trainable that creates its own pairs from the user's data, for instance from slices of the scan to correct.

    It may ignore the protocols, metal and re-projection settings of the recipe, so the model card and the
    weights file leave them out.
    """

    def sources(self, asked: Asked) -> Sources:
        """Create training and validation batches that have no slice in common.

        Raises:
            BadInput: the data contains nothing to train on; the message is shown to the user.
        """


@runtime_checkable
class SpectralPairs(OwnPairs, Protocol):
    """Trainable that also uses real pairs: ordinary scans with metal and spectral scans of the same patients.

    Attributes:
        is_spectral: always True; it distinguishes this interface from `OwnPairs` at run time.
    """

    is_spectral: bool
