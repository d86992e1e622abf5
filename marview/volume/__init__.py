"""Volumes, metal masks, and what is read off them."""

from marview.volume.volume import Volume

__all__ = ["Volume"]
