"""Make, check, install and remove methods: the verbs `plugin ...`."""

import json
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

from marview import children
from marview.dicom.atomic import whole_folder
from marview.errors import BadInput, MethodFailed, UsageError
from marview.mar import read_manifest
from marview.mar.discovery import discover, user_plugins
from marview.paths import resources

_CHECK_S = 300
_TEMPLATE = ".tmpl"


def new_plugin(name: str, kind: str, parent: Path) -> Path:
    """Write a working method with its test into a new folder, and return the folder.

    Args:
        name: identifier of the method: lower-case letters, digits and underscores.
        kind: "image", "sinogram" or "learned".
        parent: folder to make it in.

    Raises:
        UsageError: the name is no identifier, or the folder holds something.
        CannotWrite: the folder cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a method. Use lower-case letters, digits and underscores.")
    words = name.replace("_", " ").strip()
    values = {"id": name, "title": words[0].upper() + words[1:], "class_name": words.title().replace(" ", "")}
    template = resources() / "plugin_templates" / kind
    with whole_folder(parent / name) as part:
        for source in sorted(template.rglob(f"*{_TEMPLATE}")):
            target = part / source.relative_to(template).with_name(source.name.removesuffix(_TEMPLATE))
            if target.name == f"test_{kind}.py":
                target = target.with_name(f"test_{name}.py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
    return parent / name


def check_plugin(folder: Path) -> list[str]:
    """Check a method in a process of its own; returns a sentence for everything that breaks the contract.

    Raises:
        BadInput: the folder holds no manifest.
        MethodFailed: the process crashed or took more than five minutes.
    """
    read_manifest(folder)
    words = children.command("marview.commands.plugin", str(folder.resolve()))
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            words,
            cwd=children.NEUTRAL_FOLDER,
            env=children.environment(),
            capture_output=True,
            text=True,
            timeout=_CHECK_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MethodFailed(
            f"The method in {folder} was still running after {_CHECK_S} s; the check ended it."
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["It said nothing."])[-1]
        raise MethodFailed(
            f"The method in {folder} ended the process that checked it (exit code {done.returncode}). {last}"
        )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def install_plugin(folder: Path) -> Path:
    """Copy a method to the folder of the user's own methods, where it replaces a bundled one of the same id.

    Raises:
        BadInput: the folder holds no usable manifest.
        UsageError: a method of that id is installed there already.
    """
    manifest = read_manifest(folder)
    target = user_plugins() / manifest.id
    if target.exists():
        raise UsageError(f"{target} is there already. Remove it first: marview plugin remove {manifest.id}.")
    with whole_folder(target) as part:
        shutil.copytree(folder, part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return target


def remove_plugin(method: str) -> Path:
    """Remove a method, or weights, from the folder of the user's own methods; a bundled one of the same id is back.

    Raises:
        UsageError: the user has no method of that id.
    """
    for listing in discover():
        if listing.id == method and listing.origin == "user":
            shutil.rmtree(listing.folder)
            return listing.folder
    raise UsageError(f"You have installed no method {method}; bundled ones and those of packages stay.")


def print_check(folder: Path) -> int:
    """Check a method and print what was found; returns the exit code."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder. Name the folder that holds plugin.toml.")
    found = check_plugin(folder)
    for sentence in found:
        print(sentence)
    if found:
        return MethodFailed.exit_code
    print(f"{folder} keeps the contract of methods.")
    return 0


def main(arguments: list[str]) -> None:
    """Check a method in this process and print the findings as JSON; what the method prints goes elsewhere."""
    out, sys.stdout = sys.stdout, sys.stderr
    from marview.testing import check_method

    found = check_method(Path(arguments[0]))
    out.write(json.dumps(found) + "\n")
    out.flush()
