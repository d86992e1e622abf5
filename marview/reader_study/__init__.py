"""Reader studies: people rate corrected slices without knowing the method."""
