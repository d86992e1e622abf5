"""Check a method's files for faults that prevent it from running, without importing its code."""

import ast
import warnings
from functools import lru_cache
from pathlib import Path

from marview.mar.manifest import MANIFEST, Manifest, code_folder

_LARGEST = 1 << 20
"""Largest size in bytes of a module to parse, so that methods are listed quickly."""


def missing_weights(folder: Path, manifest: Manifest) -> str:
    """Return a message about the first missing weights file, or an empty string if none is missing."""
    for each in manifest.weights:
        if not (folder / each.file).exists():
            return (
                f"{manifest.title} cannot run, because its weights {folder / each.file} are missing. Put the file "
                f"there, or correct the file name in {MANIFEST}. If the method is not yours, install it again."
            )
    return ""


def not_trained(manifest: Manifest) -> str:
    """Return a message that explains how to train a method that has no weights yet; otherwise an empty string."""
    if not manifest.needs_weights or manifest.weights:
        return ""
    return (
        f"{manifest.title} is not trained yet. Train it with 'marview train {manifest.id} --data DIR --output RUN', "
        "where DIR contains scans without metal, then install the trained weights with 'marview methods --install "
        "RUN'."
    )


def wrong_entry(folder: Path, manifest: Manifest) -> str:
    """Return a message if the source code does not define the class named in the manifest, else an empty string.

    Code for another interpreter is not checked, because its syntax may differ.
    """
    code = code_folder(folder, manifest)
    module, _, name = manifest.entry.partition(":")
    path = code / f"{module.replace('.', '/')}.py"
    names = f"{folder / MANIFEST}: entry names"
    try:
        status = path.stat()
        if manifest.python or not path.is_file() or status.st_size > _LARGEST:
            return ""
        defined, error = _defined(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        is_elsewhere = path.with_suffix("").exists() or any(path.parent.glob(f"{path.stem}.*"))  # package, or compiled
        return "" if is_elsewhere else f"{names} {path.relative_to(code).as_posix()}, which is not in {code}."
    except OSError as why:
        return f"{path} cannot be read ({(why.strerror or 'no reason given').lower()})."
    if error:
        return f"{path} is not valid Python: {error}."
    if defined is not None and name not in defined:
        return f"{names} the class {name}, but {path} has no such class."
    return ""


@lru_cache(maxsize=64)
def _defined(path: Path, _changed_ns: int, _size: int) -> tuple[frozenset[str] | None, str]:
    """Return the names that a module defines, or None if they are known only after an import, and its syntax error."""
    try:
        with warnings.catch_warnings(action="ignore"):  # importing the module shows the warnings
            tree = ast.parse(path.read_bytes(), str(path))
    except (RecursionError, MemoryError):
        return None, ""
    except SyntaxError as why:
        return None, f"line {why.lineno}, {why.msg}" if why.lineno else why.msg
    except ValueError as why:  # the file contains null bytes
        return None, str(why)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return None if names & {"*", "__getattr__"} else frozenset(names), ""
