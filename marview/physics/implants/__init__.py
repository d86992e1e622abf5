"""Implants drawn from solids, in mm: one file a family."""

from marview.physics.implants.part import Implant, Part, rasterize

__all__ = ["Implant", "Part", "rasterize"]
