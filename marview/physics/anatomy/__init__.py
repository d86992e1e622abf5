"""Bodies painted from solids and texture."""
