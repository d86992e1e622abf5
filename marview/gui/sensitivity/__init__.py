"""The Sensitivity layout: how the result depends on the metal mask."""
