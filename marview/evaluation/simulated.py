"""Simulate benchmark cases on demand: insert metal shapes into clean slices and simulate their scans."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from marview.errors import BadInput, UsageError
from marview.evaluation.case import KnownCase, ListedCase, check_case
from marview.evaluation.neighbours import part_of, read_neighbours
from marview.methods.api import MarCase
from marview.physics import Protocol, Scanner, Simulation, simulate
from marview.physics.attenuation import mu_to_hu
from marview.slices.clean import CleanSlice, fit
from marview.slices.shapes import Shape, place
from marview.worker.neighbours import Neighbours


def list_simulated(
    slices: Sequence[CleanSlice],
    shapes: Sequence[Shape],
    protocol: Protocol,
    *,
    material: str = "ti",
    scanner: Scanner | None = None,
    seed: int = 0,
) -> list[ListedCase]:
    """List one case per clean slice; each case has one slice per metal shape.

    The metal position and the noise depend only on the slice, the shape and the seed. Slices of
    the same patient that stay without metal become the neighbours of the case (see `part_of`).

    Args:
        slices: slices without metal.
        shapes: metal shapes; each becomes a slice of the case.
        protocol: protocol of the scan.
        material: material of all shapes, a name in `marview.physics.material`.
        scanner: simulated scanner (rays, detector, spectrum); the public simulators' scanner by default.
        seed: seed for the metal positions and the noise.
    """
    patients = [each.patient for each in slices]
    listed = []
    for number, each in enumerate(slices):
        with_metal, clean = part_of(patients, number)
        neighbours = (
            partial(read_neighbours, slices, with_metal, clean, shapes, protocol.shape, seed) if clean else None
        )
        read = partial(_scan, each, neighbours, shapes, protocol, material, scanner, [seed, number])
        listed.append(ListedCase(each.name, read, scan=f"metal in {with_metal}, not in {clean}" if clean else ""))
    return listed


def known_case(
    name: str, simulation: Simulation, protocol: Protocol, slice_indices: Sequence[int] | None = None
) -> KnownCase:
    """Convert a simulated scan to a case whose uncorrected image is the FBP of the simulated sinogram.

    Args:
        name: name of the case.
        simulation: simulated scan.
        protocol: protocol of the scan.
        slice_indices: index of each slice in the source series; 0, 1, ... if None.
    """
    case = MarCase(
        hu=mu_to_hu(simulation.image).clamp(min=-1000),
        metal=simulation.metal,
        pixel_mm=protocol.pixel_mm,
        beam=protocol.beam,
        slice_indices=list(range(len(simulation.metal)) if slice_indices is None else slice_indices),
        measured_sinogram=simulation.sinogram,
        measured_trace=simulation.trace,
    )
    return KnownCase(name, case, simulation.truth_hu.numpy(), simulation.metal_free_sinogram.numpy())


def _scan(
    each: CleanSlice,
    neighbours: Callable[[], Neighbours] | None,
    shapes: Sequence[Shape],
    protocol: Protocol,
    material: str,
    scanner: Scanner | None,
    seed: list[int],
) -> KnownCase:
    hu = fit(each.read(), protocol.shape)
    try:
        metal = [place(shape, hu, np.random.default_rng([*seed, k])) for k, shape in enumerate(shapes)]
        slices = torch.tensor(hu).expand(len(metal), -1, -1)
        noise = int(np.random.default_rng(seed).integers(2**31))
        simulation = simulate(slices, {material: np.stack(metal)}, protocol, scanner=scanner, seed=noise)
    except (BadInput, UsageError) as reason:
        raise BadInput(f"Case {each.name}: {reason}") from reason
    return check_case(replace(known_case(each.name, simulation, protocol), neighbours=neighbours))
