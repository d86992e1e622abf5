"""Volumes, metal masks, and what is read off them."""

from marview.volume.segment import Segmentation, adaptive
from marview.volume.volume import Volume

__all__ = ["Segmentation", "Volume", "adaptive"]
