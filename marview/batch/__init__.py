"""Unattended correction of many studies: which ones, in which order, and with which result."""
