"""Simulate the scan of a clean volume with metal inserted into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

from marview.errors import BadInput
from marview.geometry import Grid, SliceNumbers
from marview.physics.attenuation import mu_to_hu
from marview.physics.implants import Implant, rasterize
from marview.physics.materials import Material
from marview.physics.protocols import Protocol
from marview.physics.simulation import Simulation, Stages, simulate
from marview.volume.volume import BODY_HU, Volume

_SLICES_AT_ONCE = 8
_MOST_METAL = 0.5
_HIGHEST_HU = 32767


@dataclass(frozen=True, eq=False)
class Inserted:
    """Simulated scan with metal and its ground truth, on the pixel grid of the protocol.

    Attributes:
        hu: image with metal, int16 HU `[z, y, x]`.
        truth_hu: clean volume into which the metal was inserted, int16 HU `[z, y, x]`.
        metal: bool `[z, y, x]`; True where a pixel contains any metal.
        grid: position of the voxels in the patient.
    """

    hu: NDArray[np.int16]
    truth_hu: NDArray[np.int16]
    metal: NDArray[np.bool_]
    grid: Grid


def insert(
    volume: Volume,
    implants: Sequence[Implant],
    protocol: Protocol,
    *,
    slices: range | None = None,
    stages: Stages | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    on_batch: Callable[[int, Simulation], None] | None = None,
) -> Inserted:
    """Insert implants into a clean volume and simulate its scan.

    Slices are padded with air to a square and resized to the pixels of the protocol. As in the papers
    that define the protocols, the pixel size of the protocol determines the strength of beam hardening
    and photon starvation; `syndeeplesion-640`, for example, shrinks a body to two fifths of its size.
    The voxel grid of the result keeps the true size.

    Args:
        volume: axial volume without metal.
        implants: implants in mm from the centre of the volume, as returned by `place`.
        protocol: protocol of the scan.
        slices: consecutive slices of the volume to scan; None for all. The positions of the implants do
            not depend on this choice.
        stages: stages of the simulation.
        seed: seed of the noise; each batch derives its own seed from it.
        progress: function called with the completed fraction, 0 to 1.
        on_batch: function that stores a batch, for example as cases; called with the index of the first
            slice in the batch and the simulation.

    Raises:
        BadInput: the scanned slices contain no metal, or metal covers more than half of the body.

    Examples:
        >>> from marview.physics import protocol
        >>> from marview.physics.implants import place
        >>> hu = np.full((1, 64, 64), -1000, np.int16)
        >>> hu[:, 12:52, 8:56] = 40
        >>> volume = Volume(hu, Grid.from_spacing((1, 64, 64), (5.0, 5.0, 5.0)))
        >>> implants = place("random", hu, (5.0, 5.0, 5.0))
        >>> insert(volume, implants, protocol("adn-256")).hu.shape
        (1, 256, 256)
    """
    z, y, x = (
        ((np.arange(count) - (count - 1) / 2) * spacing).astype(np.float32)
        for count, spacing in zip(volume.grid.shape, volume.grid.spacing_mm, strict=True)
    )
    chosen = slices if slices is not None else range(len(volume.hu))
    shares = rasterize(implants, (z[chosen.start : chosen.stop], y, x))
    if not _covered(shares).any():
        raise BadInput(_beside(rasterize(implants, (z, y, x)), chosen, volume.grid.slice_numbers))
    volume = _part(volume, chosen)
    _refuse_too_much(volume, shares)
    size = protocol.shape[0]
    count = len(volume.hu)
    hu, truth = (np.empty((count, *protocol.shape), dtype=np.int16) for _ in range(2))
    metal = np.zeros((count, *protocol.shape), dtype=bool)
    for start in range(0, count, _SLICES_AT_ONCE):
        part = slice(start, start + _SLICES_AT_ONCE)
        clean = _resized(volume.hu[part], size, -1000.0)
        shares_here: dict[str | Material, Tensor | NDArray[Any]] = {
            name: _resized(share[part], size, 0.0).clamp(0, 1) for name, share in shares.items()
        }
        simulation = simulate(clean, shares_here, protocol, stages=stages, seed=seed + chosen.start + start)
        hu[part] = _as_int16(mu_to_hu(simulation.image))
        truth[part] = _as_int16(simulation.truth_hu)
        metal[part] = simulation.metal.cpu().numpy()
        if on_batch:
            on_batch(chosen.start + start, simulation)
        if progress:
            progress(min(1.0, (start + _SLICES_AT_ONCE) / count))
    return Inserted(hu, truth, metal, _resized_grid(volume.grid, size))


def _part(volume: Volume, chosen: range) -> Volume:
    """Return some slices of a volume, with their position in the patient."""
    grid = volume.grid
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_patient([chosen.start, 0, 0])
    shape = (len(chosen), *grid.shape[1:])
    return Volume(volume.hu[chosen.start : chosen.stop], Grid(shape, affine, grid.frame_of_reference_uid))


def _covered(shares: dict[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
    return np.asarray(np.any([share > 0 for share in shares.values()], axis=0))


def _beside(whole: dict[str, NDArray[np.float32]], chosen: range, numbers: SliceNumbers) -> str:
    """Return an error message for slices without metal that says which slices contain the implant."""
    if not (covered := _covered(whole)).any():
        return "No part of the implant is in this volume; choose another implant or series."
    there = numbers.words(np.flatnonzero(covered.any(axis=(1, 2))))
    return f"There is no metal in {numbers.words(chosen)}. The implant is in {there}; choose slices there."


def _refuse_too_much(volume: Volume, shares: dict[str, NDArray[np.float32]]) -> None:
    body = volume.hu > BODY_HU
    if (_covered(shares) & body).sum() > _MOST_METAL * max(int(body.sum()), 1):
        raise BadInput("The implant covers more than half of the body; choose a smaller one.")


def _resized(slices: NDArray[np.int16] | NDArray[np.float32], size: int, outside: float) -> Tensor:
    """Pad slices to a square and resize them, float32 `[slice, size, size]`."""
    image = torch.as_tensor(np.asarray(slices, dtype=np.float32)).to(torch.get_default_device())
    rows, columns = image.shape[-2:]
    more_rows, more_columns = max(0, columns - rows), max(0, rows - columns)
    borders = (more_columns // 2, more_columns - more_columns // 2, more_rows // 2, more_rows - more_rows // 2)
    square = pad(image, borders, value=outside)
    return interpolate(square[:, None], size=(size, size), mode="bilinear", antialias=True, align_corners=False)[:, 0]


def _resized_grid(grid: Grid, size: int) -> Grid:
    count, rows, columns = grid.shape
    side = max(rows, columns)
    scale = side / size
    first = (scale - 1) / 2
    affine = np.array(grid.affine)
    affine[:, 3] += affine[:, 1] * (first - max(0, columns - rows) // 2) + affine[:, 2] * (
        first - max(0, rows - columns) // 2
    )
    affine[:3, 1:3] *= scale
    return Grid((count, size, size), affine, grid.frame_of_reference_uid)


def _as_int16(hu: Tensor) -> NDArray[np.int16]:
    rounded: NDArray[np.int16] = hu.round().clamp(-1024, _HIGHEST_HU).to(torch.int16).cpu().numpy()
    return rounded
