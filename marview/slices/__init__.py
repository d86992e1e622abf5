"""Slices people bring as files: volumes, clean slices to put metal into, metal shapes."""

from marview.slices.clean import CleanSlice, fit, list_clean, read_pages

__all__ = ["CleanSlice", "fit", "list_clean", "read_pages"]
