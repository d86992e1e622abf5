"""Where marview's own files lie, for a copy that runs from the checkout and one installed from a wheel alike."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resources() -> Path:
    """Folder of icons, presets, tables and styles."""
    installed = _PACKAGE / "resources"
    return installed if installed.is_dir() else _PACKAGE.parent / "resources"


def bundled_plugins() -> Path:
    """Folder whose subfolders are the bundled methods."""
    installed = _PACKAGE.parent / "marview_plugins"
    return installed if installed.is_dir() else _PACKAGE.parent / "plugins"
