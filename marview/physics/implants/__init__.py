"""Implants made of solids, in mm, one file for each family, and their places in a body."""

from marview.physics.implants.part import Implant, Part, rasterize
from marview.physics.implants.placement import implant_names, place

__all__ = ["Implant", "Part", "implant_names", "place", "rasterize"]
