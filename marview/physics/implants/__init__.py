"""Implants composed of geometric solids, and their placement in a body.

Each family of implants has its own module. Lengths are in mm.
"""

from marview.physics.implants.part import Implant, Part, rasterize
from marview.physics.implants.placement import implant_names, place

__all__ = ["Implant", "Part", "implant_names", "place", "rasterize"]
