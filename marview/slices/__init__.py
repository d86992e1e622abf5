"""Read slices from the user's files: volumes, slices without metal and metal shapes."""

from marview.slices.clean import CleanSlice, fit, list_clean, read_pages

__all__ = ["CleanSlice", "fit", "list_clean", "read_pages"]
