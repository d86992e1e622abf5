"""Make absolute imports of a method's own modules fail in tests, as they do in a run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_in_a_run(folder: Path) -> Iterator[None]:
    """Make absolute imports of a folder's own modules fail, as they do in a run; pytest would allow them."""
    folder = folder.resolve()
    path = sys.path.copy()
    own = {name for name in (each.stem for each in folder.iterdir()) if _is_below(folder, name)}
    hidden = {name: sys.modules.pop(name) for name in own}
    sys.path[:] = [each for each in path if Path(each).resolve() != folder]
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.update(hidden)


def _is_below(folder: Path, name: str) -> bool:
    """Return whether an imported module comes from a folder."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(folder)
