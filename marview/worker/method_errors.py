"""Describe exceptions in a method's code by file, line and reason."""

import re
import textwrap
import traceback
from dataclasses import FrozenInstanceError
from pathlib import Path

from marview.mar.manifest import MANIFEST

_INTERNAL = re.compile(r"marview_methods_[0-9a-f]{12}\.")
"""Package of the parent folder of a method (`marview.worker.loading`), which messages leave out."""

_OWN = re.compile(rf"{_INTERNAL.pattern}[^.]+(?=\.)")
"""Matches the package of a method in the name of one of its modules."""

_DETAILS = 300
"""Largest number of characters of an exception's message after its first line."""


def as_sentence(error: BaseException, folder: Path | None = None) -> str:
    """Describe an exception as a sentence, with advice if an import failed.

    The arguments are the same as for `as_clause`.
    """
    if isinstance(error, ModuleNotFoundError) and error.name and folder is not None and _is_raised_by(error, folder):
        name, where = error.name, place(error, folder)
        if found := _OWN.match(name):
            return f"{where}, imports {name[found.end() :]}, which is not in the folder."
        if (folder / f"{name}.py").is_file() or (folder / name).is_dir():  # absolute imports cannot find it
            return (
                f"{where}, imports {name}. {name} is a module of the method itself, so import it with a dot: from "
                f".{name} import ..."
            )
        if not name.startswith(("marview.", "marview_methods_")):
            return (
                f"{where}, imports {name}, which is not installed. Install it in the Python that runs the method; "
                f"'python' in {MANIFEST} can name another one."
            )
    if isinstance(error, FrozenInstanceError) and str(error).endswith("'hu'"):
        return f"{as_clause(error, folder)}. Work on case.hu.clone()."
    return ended(as_clause(error, folder))


def ended(clause: str) -> str:
    """Add a full stop to a clause, unless it ends with a question mark."""
    return clause if clause.endswith("?") else f"{clause}."


def as_clause(error: BaseException, folder: Path | None = None) -> str:
    """Describe an exception as a clause, such as "method.py, line 21: ValueError: the kernel must be odd".

    Args:
        error: the exception.
        folder: folder with the code of the method; without it, the clause does not name a file.
    """
    where = place(error, folder)
    if isinstance(error, SyntaxError) and where == _place_in_source(error, folder) != "":
        return f"{where}: {error.msg}"
    said = _in_one_line(_INTERNAL.sub("", str(error)))
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"{where}: {what}" if where else what


def _in_one_line(message: str) -> str:
    """Join the lines of an exception's message, because the first line often lacks the cause."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    details = " ".join(line if line.endswith((".", ":", ",", ";")) else f"{line};" for line in lines[1:])
    if details and not first.endswith((".", ":", ",", ";")):
        first += ";"
    return f"{first} {textwrap.shorten(details, _DETAILS, placeholder=' (shortened)')}".rstrip(" .:;")


def place(error: BaseException, folder: Path | None) -> str:
    """Return the last traceback entry for a file in a folder, such as "method.py, line 21"; empty if none."""
    if isinstance(error, SyntaxError) and (where := _place_in_source(error, folder)):
        return where
    places = (_named(frame.f_code.co_filename, line, folder) for frame, line in traceback.walk_tb(error.__traceback__))
    return next((where for where in reversed(list(places)) if where), "")


def _is_raised_by(error: BaseException, folder: Path) -> bool:
    """Return whether code in a folder raised an exception itself, instead of a function that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _named(frames[-1].filename, 0, folder) != ""


def _place_in_source(error: SyntaxError, folder: Path | None) -> str:
    """Return file and line of a syntax error, which the traceback does not contain."""
    return _named(error.filename, error.lineno, folder) if error.filename and error.lineno else ""


def _named(file: str, line: int | None, folder: Path | None) -> str:
    """Return file and line, such as "method.py, line 21"; empty for files outside the folder and installed packages."""
    if folder is None or file.startswith("<"):
        return ""
    path, root = Path(file).resolve(), folder.resolve()
    is_own = path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts
    return f"{path.relative_to(root).as_posix()}, line {line}" if is_own else ""
