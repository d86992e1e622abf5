"""The rows of the actions, a file for each part of the menus."""
