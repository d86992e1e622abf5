"""Read volumes, metal-free slices and metal shapes from the user's files."""

from marview.slices.clean import CleanSlice, fit, list_clean, read_pages

__all__ = ["CleanSlice", "fit", "list_clean", "read_pages"]
