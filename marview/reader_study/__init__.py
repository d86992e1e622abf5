"""Blinded reader studies: readers rate corrected slices without knowing the method."""
