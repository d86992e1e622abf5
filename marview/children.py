"""Python processes that marview starts: they find modules where marview found them, never in a study's folder.

Someone who starts marview in the folder of a CD must not run a `queue.py` that lies on it.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).resolve().parent

NEUTRAL_FOLDER = Path(_HERE.anchor)
"""Where children run: nothing there is of a study, and nobody but the system writes there."""

# marview is found by its folder, so that another interpreter needs marview's dependencies and not marview.
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
"""Hidden verb of an installed program without an interpreter of its own: run a module of marview."""


def command(module: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """Words that start a module of marview in a process of its own; the module's `main` gets the arguments."""
    if getattr(sys, "frozen", False) and python == sys.executable:
        return [python, CHILD, module, *arguments]
    return [python, "-P", "-c", _START, str(_HERE), module, *arguments]


def run_child(arguments: Sequence[str]) -> None:
    """Run the module that `command` names, with its arguments, in this process.

    Raises:
        SystemExit: the name is not that of a module of marview.
    """
    name = arguments[0] if arguments else ""
    if not name.startswith("marview."):
        raise SystemExit(f"marview: {CHILD} is for marview's own processes.")
    import_module(name).main(list(arguments[1:]))


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a child: this process's own, and no current folder among the modules' places."""
    return {**os.environ, "PYTHONSAFEPATH": "1", **(more or {})}


def spare_children_the_current_folder() -> None:
    """Have no Python process that is started from here, by multiprocessing say, look for modules in its folder."""
    os.environ["PYTHONSAFEPATH"] = "1"


def trust_no_current_folder() -> None:
    """Look for modules in the current folder no more, neither here nor in any Python process started from here."""
    spare_children_the_current_folder()
    with suppress(OSError):  # of a current folder that is gone
        here = Path.cwd()
        if here == _HERE.parent:
            return  # a checkout that is not installed
        sys.path[:] = [place for place in sys.path if Path(place).resolve() != here]
