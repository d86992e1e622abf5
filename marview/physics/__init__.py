"""Physics of CT with metal: materials, X-ray spectra, named protocols and the simulation of scans.

The simulation needs PyTorch and is imported when first used, so that the names of materials and protocols load quickly.
"""

from typing import TYPE_CHECKING

from marview.physics.materials import REFERENCE_KEV, Material, material, material_names, metal, metal_names
from marview.physics.protocols import USUAL_PROTOCOL, Protocol, protocol, protocol_names, protocol_of
from marview.physics.spectrum import Spectrum, spectrum

if TYPE_CHECKING:
    from marview.physics.attenuation import hu_to_mu, mu_to_hu
    from marview.physics.scanner import MISMATCHED, Scanner
    from marview.physics.simulation import Simulation, Stages, simulate

__all__ = [
    "MISMATCHED",
    "REFERENCE_KEV",
    "USUAL_PROTOCOL",
    "Material",
    "Protocol",
    "Scanner",
    "Simulation",
    "Spectrum",
    "Stages",
    "hu_to_mu",
    "material",
    "material_names",
    "metal",
    "metal_names",
    "mu_to_hu",
    "protocol",
    "protocol_names",
    "protocol_of",
    "simulate",
    "spectrum",
]


def __getattr__(name: str) -> object:
    if name in {"hu_to_mu", "mu_to_hu"}:
        from marview.physics import attenuation

        return getattr(attenuation, name)
    if name in {"MISMATCHED", "Scanner"}:
        from marview.physics import scanner

        return getattr(scanner, name)
    if name in {"Simulation", "Stages", "simulate"}:
        from marview.physics import simulation

        return getattr(simulation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
