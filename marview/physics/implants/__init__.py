"""Implants made of solids, with one module per family, and their placement in a body. Lengths are in mm."""

from marview.physics.implants.part import Implant, Part, rasterize
from marview.physics.implants.placement import implant_names, place

__all__ = ["Implant", "Part", "implant_names", "place", "rasterize"]
