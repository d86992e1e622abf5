"""Slices from files of the user: volumes, slices without metal, metal shapes."""

from marview.slices.clean import CleanSlice, fit, list_clean, read_pages

__all__ = ["CleanSlice", "fit", "list_clean", "read_pages"]
