"""Folders of marview's resources and bundled methods, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resources() -> Path:
    """Return the folder of icons, presets, tables and styles."""
    installed = _PACKAGE / "resources"
    return installed if installed.is_dir() else _PACKAGE.parent / "resources"


def bundled_plugins() -> Path:
    """Return the folder of the bundled methods, with one subfolder per method."""
    installed = _PACKAGE.parent / "marview_plugins"
    return installed if installed.is_dir() else _PACKAGE.parent / "plugins"


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents, accessible only to the owner, regardless of the umask.

    Raises:
        OSError: the folder cannot be created.
    """
    for each in (*reversed(folder.parents), folder):
        each.mkdir(mode=0o700, exist_ok=True)
