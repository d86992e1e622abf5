"""Simulated cases with dense metal, stored like clinical series: images only, in a limited HU range."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from marview.evaluation.case import KnownCase, ListedCase
from marview.evaluation.front_end_methods import FoundMetal
from marview.evaluation.simulated import list_simulated
from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.physics import Protocol
from marview.physics.attenuation import mu_to_hu
from marview.slices.clean import CleanSlice
from marview.slices.shapes import Shape
from marview.volume.segment import adaptive

METALS = ("316l", "au")
"""Materials used in turn: steel and gold."""


def list_clinical(
    slices: Sequence[CleanSlice],
    shapes: Sequence[Shape],
    protocol: Protocol,
    hear: Callable[[str, FoundMetal], None],
    *,
    highest_hu: int = 32_767,
    lowest_hu: int = -32_768,
) -> list[ListedCase]:
    """List one case per clean slice, with one metal shape per case, cycling through shapes and materials.

    Args:
        slices: slices without metal.
        shapes: metal shapes to cycle through.
        protocol: protocol of the scan.
        hear: function called before a case is returned, with the name of the case and the metal found
            automatically.
        highest_hu: highest HU that the simulated file can store.
        lowest_hu: lowest HU that the simulated file can store.
    """
    listed = []
    for number, each in enumerate(slices):
        material = METALS[number % len(METALS)]
        (scanned,) = list_simulated(
            [each], [shapes[number // len(METALS) % len(shapes)]], protocol, material=material, seed=number
        )
        name = f"{each.name} {material}"
        listed.append(ListedCase(name, partial(_stored, name, scanned, (lowest_hu, highest_hu), hear)))
    return listed


def _stored(
    name: str, scanned: ListedCase, scale_hu: tuple[int, int], hear: Callable[[str, FoundMetal], None]
) -> KnownCase:
    known = scanned.read()
    case = known.case
    hu = mu_to_hu(case.projector.fbp(case.sinogram)).round().clamp(*scale_hu)
    spacing_mm = (1.0, case.pixel_mm, case.pixel_mm)
    stored = hu.numpy().astype(np.int16)
    hear(name, FoundMetal(adaptive(stored, spacing_mm).mask, np.zeros((0, *stored.shape[1:]), np.int16)))
    image_only = MarCase(
        hu=torch.from_numpy(stored.astype(np.float32)),
        metal=case.metal,
        pixel_mm=case.pixel_mm,
        beam=processing_beam(case.pixel_mm),
        slice_indices=case.slice_indices,
    )
    return replace(known, name=name, case=image_only, metal_free_sinogram=None, neighbours=None)
