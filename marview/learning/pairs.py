"""Create training pairs by simulating CT scans on the training device."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import processing_beam
from marview.learning.api import Pairs
from marview.learning.bank import Bank
from marview.learning.recipe import Data
from marview.learning.scene_workers import SceneWorkers
from marview.learning.scenes import Scene, draw_scene, plain_scene
from marview.methods.trace_completion import grown
from marview.physics import Material, protocol, simulate
from marview.physics.attenuation import hu_to_mu
from marview.physics.simulation import Simulation
from marview.projection import Projector

_TRAINING, _VALIDATION = 0, 1
"""Part of the seeds, so that training and validation draw different random numbers."""


@dataclass(frozen=True)
class SimulatedPairs:
    """Source of training batches; each batch depends only on its number, the seed and the training process.

    A run can therefore be resumed.

    Attributes:
        bank: training slices.
        how: settings of the training batches.
        device: device for the batches.
        seed: seed of the run.
        process: number of this training process.
        workers: pool of processes that draw the scenes; None to draw them in this process.
    """

    bank: Bank
    how: Data
    device: torch.device
    seed: int
    process: int = 0
    workers: SceneWorkers | None = field(default=None, repr=False)

    @classmethod
    def of(cls, bank: Bank, how: Data, device: torch.device, seed: int, process: int = 0) -> Self:
        """Create a source with the number of worker processes that the recipe specifies."""
        workers = SceneWorkers(bank, how, (_TRAINING, seed, process), how.workers) if how.workers else None
        return cls(bank, how, device, seed, process, workers)

    def __call__(self, number: int) -> Pairs:
        """Return the batch with this number.

        Raises:
            BadInput: the slices contain no tissue for metal.
        """
        scene = self.scene(number) if self.workers is None else self.workers(number)
        return scan(scene, self.device, ahead=self.how.ahead)

    def scene(self, number: int) -> Scene:
        """Return the scene from which the batch with this number is simulated."""
        return draw_scene(self.bank, self.how, (_TRAINING, self.seed, self.process, number))


@dataclass(frozen=True)
class ValidationPairs:
    """Source of validation batches: held-out slices without random variation, with fixed metal and noise."""

    bank: Bank
    how: Data
    device: torch.device
    seed: int

    def __call__(self, number: int) -> Pairs:
        """Return the batch with this number."""
        scene = plain_scene(self.bank, self.how, (_VALIDATION, self.seed), number)
        return scan(scene, self.device, ahead=self.how.ahead)


@torch.no_grad()
def scan(scene: Scene, device: torch.device, ahead: tuple[str, ...] = ()) -> Pairs:
    """Simulate the scan of a scene.

    Args:
        scene: slices, metal and settings of the scan.
        device: device for the simulation and its result.
        ahead: names of attributes, such as "image", that are computed immediately instead of on first use.
    """
    if device.index is not None:
        torch.cuda.set_device(device)  # each thread has its own setting
    usual = protocol(scene.protocol)
    hu = torch.from_numpy(scene.hu).to(device)
    metal: dict[str | Material, Tensor | NDArray[Any]] = {
        name: torch.from_numpy(share).to(device) for name, share in scene.metal.items()
    }
    simulation = simulate(hu, metal, replace(usual, photons=usual.photons * scene.photons), seed=scene.seed)
    pairs = _clinical(simulation, scene) if scene.kernel else _measured(simulation)
    for name in ahead:
        getattr(pairs, name)
    return pairs


def _measured(simulation: Simulation) -> Pairs:
    return Pairs(
        truth_mu=simulation.mu,
        metal=simulation.metal,
        sinogram=simulation.sinogram,
        metal_free_sinogram=simulation.metal_free_sinogram,
        trace=simulation.trace,
        projector=simulation.projector,
    )


def _clinical(simulation: Simulation, scene: Scene) -> Pairs:
    """Create a clinical image of the scan, and project it with the beam of the front end."""
    scanner = simulation.projector
    highest = float(hu_to_mu(torch.tensor(scene.scale_end_hu)))
    pixel_mm = scanner.pixel_mm * max(scanner.shape) / SIZE

    def seen(sinogram: Tensor) -> Tensor:
        return _on_processing_grid(scanner.fbp(sinogram, filter=scene.kernel).clamp(0, highest))

    image, truth = seen(simulation.sinogram), seen(simulation.metal_free_sinogram)
    metal = _on_processing_grid(simulation.metal.float()) > 0
    projector = Projector(processing_beam(pixel_mm), shape=(SIZE, SIZE), pixel_mm=pixel_mm)
    return Pairs(
        truth_mu=truth,
        metal=metal,
        sinogram=projector.forward(image),
        metal_free_sinogram=projector.forward(truth),
        trace=projector.trace(grown(metal)),
        projector=projector,
        clinical_mu=image,
    )


def _on_processing_grid(images: Tensor) -> Tensor:
    if tuple(images.shape[-2:]) == (SIZE, SIZE):
        return images
    return interpolate(images[:, None], size=(SIZE, SIZE), mode="bilinear", antialias=True)[:, 0]
