"""Rows of the action table, one module for each group of menu entries."""
