"""Phantom bodies made of solids and texture."""
