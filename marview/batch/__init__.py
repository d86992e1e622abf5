"""Correction of many studies without anybody at the screen: what to correct, in which order, and what became of it."""
