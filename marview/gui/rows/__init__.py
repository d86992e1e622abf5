"""The rows of the actions, one file for each part of the menus."""
