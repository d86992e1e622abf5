"""Place implants at their usual positions, such as screws in bone, fillings in teeth or a port under the skin."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.physics.implants import bones, chest_sites, soft_tissue
from marview.physics.implants.part import Implant, Part
from marview.physics.implants.site import Site
from marview.physics.materials import metal

Family = Callable[[Site, np.random.Generator], tuple[Implant, ...]]


def place(
    name: str,
    hu: NDArray[Any],
    spacing_mm: tuple[float, float, float],
    *,
    material: str | None = None,
    seed: int = 0,
) -> tuple[Implant, ...]:
    """Place implants of one type in a volume.

    Args:
        name: name of the implant, from `implant_names()`.
        hu: image without metal, HU `[z, y, x]`, z from the foot end, rows to the back, columns to the
            patient's left.
        spacing_mm: voxel spacing along (z, y, x).
        material: material of the whole implant; None for the usual materials.
        seed: seed of the random choices.

    Returns:
        Implants in mm from the centre of the volume, (x, y, z).

    Raises:
        UsageError: the implant or the metal is unknown.
        BadInput: the volume has no suitable position for the implant.
    """
    families = _families()
    if name not in families:
        raise UsageError(f"There is no implant {name!r}. Choose one of {', '.join(families)}.")
    chosen = None if material is None else metal(material).name
    implants = families[name](Site(hu, spacing_mm), np.random.default_rng(seed))
    if chosen is None:
        return implants
    return tuple(Implant(one.name, tuple(Part(part.solid, chosen) for part in one.parts)) for one in implants)


def implant_names() -> tuple[str, ...]:
    """Return the names of the implants that `place` supports."""
    return tuple(_families())


def _families() -> dict[str, Family]:
    return {
        "hip-left": lambda site, _: (bones.place_hip(site, 1.0),),
        "hip-right": lambda site, _: (bones.place_hip(site, -1.0),),
        "hip-bilateral": lambda site, _: (bones.place_hip(site, 1.0), bones.place_hip(site, -1.0)),
        "pedicle-screws": lambda site, _: bones.place_pedicle_screws(site),
        "plate": lambda site, generator: (bones.place_plate(site, float(generator.choice([-1.0, 1.0]))),),
        "fillings": bones.place_fillings,
        "crown": bones.place_crown,
        "dental-screw": lambda site, _: bones.place_dental_screw(site),
        "port": lambda site, _: (chest_sites.place_port(site),),
        "pacemaker": lambda site, _: (chest_sites.place_pacemaker(site),),
        "sternal-wires": lambda site, _: chest_sites.place_sternal_wires(site),
        "coils": soft_tissue.place_coils,
        "clips": soft_tissue.place_clips,
        "electrodes": soft_tissue.place_electrodes,
        "random": soft_tissue.place_blobs,
    }
