"""Unattended correction of many studies: selection, queue and results."""
