"""Child processes that import modules only from marview's own folders, never from the current folder.

For example, if a user starts marview from a folder on a CD, a file named `queue.py` on the CD must not
be imported.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).resolve().parent

NEUTRAL_FOLDER = Path(_HERE.anchor)
"""Current folder of child processes, which contains no study and is writable only by the system."""

_PLACES = (
    *("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR", "TEMP", "TMP"),
    *("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
)
_SEARCH_PATHS = ("MARVIEW_PLUGINS", "PYTHONPATH")

# marview is found by its folder, so that another interpreter needs only marview's dependencies.
_START = """
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
folder, name = sys.argv.pop(1), sys.argv.pop(1)
spec = spec_from_file_location("marview", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["marview"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["marview"])
import_module(name).main(sys.argv[1:])
"""


CHILD = "--child"
"""Hidden command that runs a module of marview in a frozen program, which has no separate interpreter."""


def command(module: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """Return the command line that runs the `main` function of a marview module in a child process."""
    if getattr(sys, "frozen", False) and python == sys.executable:
        return [python, CHILD, module, *arguments]
    return [python, "-P", "-c", _START, str(_HERE), module, *arguments]


def run_child(arguments: Sequence[str]) -> None:
    """Run a marview module in this process, as requested by a command line from `command`.

    Raises:
        SystemExit: marview has no such module.
    """
    name = arguments[0] if arguments else ""
    if not name.startswith("marview."):
        raise SystemExit(f"marview: {CHILD} is for marview's own processes.")
    import_module(name).main(list(arguments[1:]))


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child process, without the current folder in the module search path."""
    child = {**os.environ, "PYTHONSAFEPATH": "1", **(more or {})}
    make_places_absolute(child)
    return child


def make_places_absolute(environment: MutableMapping[str, str]) -> None:
    """Make relative paths in environment variables absolute, because a child process runs in another folder."""
    for name in _PLACES:
        if environment.get(name):
            environment[name] = str(Path(environment[name]).absolute())
    for name in _SEARCH_PATHS:
        if environment.get(name):
            places = environment[name].split(os.pathsep)
            environment[name] = os.pathsep.join(str(Path(each).absolute()) if each else "" for each in places)


def spare_children_the_current_folder() -> None:
    """Prevent child processes, such as multiprocessing workers, from importing from the current folder."""
    os.environ["PYTHONSAFEPATH"] = "1"


def trust_no_current_folder() -> None:
    """Stop importing modules from the current folder, in this process and its child processes."""
    spare_children_the_current_folder()
    with suppress(OSError):
        make_places_absolute(os.environ)
    with suppress(OSError):  # the current folder no longer exists
        here = Path.cwd()
        if here == _HERE.parent:
            return  # a checkout that is not installed
        sys.path[:] = [place for place in sys.path if Path(place).resolve() != here]
