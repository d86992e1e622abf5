"""Physics of CT with metal: materials, spectra, named protocols and the simulation of a scan."""

from marview.physics.materials import REFERENCE_KEV, Material, material, material_names, metal, metal_names
from marview.physics.protocols import USUAL_PROTOCOL, Protocol, protocol, protocol_names, protocol_of
from marview.physics.scanner import MISMATCHED, Scanner
from marview.physics.simulation import Simulation, Stages, simulate
from marview.physics.spectrum import Spectrum, spectrum

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
    "material",
    "material_names",
    "metal",
    "metal_names",
    "protocol",
    "protocol_names",
    "protocol_of",
    "simulate",
    "spectrum",
]
