"""Write, check, install and remove methods: the verbs `plugin ...`."""

import json
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from marview import children
from marview.commands.methods import print_methods
from marview.commands.options import AsJson
from marview.dicom.atomic import whole_folder
from marview.errors import BadInput, MethodFailed, UsageError
from marview.mar import discovery, read_manifest
from marview.mar.copying import copy_method
from marview.mar.ownership import opened_to_others
from marview.paths import resources

_CHECK_S = 300
_TEMPLATE = ".tmpl"


plugin = typer.Typer(no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds plugin.toml.")]


def own_methods() -> list[str]:
    """Return the identifiers of the user's own methods, for completion."""
    return sorted(listing.id for listing in discovery.users_own())


@plugin.callback()
def about() -> None:
    """Write, check, install and remove methods."""


@plugin.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Identifier: lower-case letters, digits, underscores.")],
    image: Annotated[bool, typer.Option("--image", help="It works on the image alone; this is the default.")] = False,
    sinogram: Annotated[bool, typer.Option("--sinogram", help="It completes the sinogram.")] = False,
    learned: Annotated[bool, typer.Option("--learned", help="It has a network, to be trained.")] = False,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which to make the folder NAME.")] = Path(),
) -> None:
    """Write a working method with its test, to start from.

    Raises:
        UsageError: the name is not an identifier, more than one kind is given, or the folder is not empty.
        CannotWrite: the folder cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot name a method. Use lower-case letters, digits and underscores, begin with a letter, and "
            "avoid keywords of Python."
        )
    kinds = [kind for kind, is_asked in (("image", image), ("sinogram", sinogram), ("learned", learned)) if is_asked]
    if len(kinds) > 1:
        raise UsageError(f"A method has one kind: give --{kinds[0]} or --{kinds[1]}, not both.")
    kind = kinds[0] if kinds else "image"
    words = name.replace("_", " ").strip()
    values = {"id": name, "title": words[0].upper() + words[1:], "class_name": words.title().replace(" ", "")}
    template = resources() / "plugin_templates" / kind
    folder = output / name
    with whole_folder(folder) as part:
        for source in sorted(template.rglob(f"*{_TEMPLATE}")):
            target = part / source.relative_to(template).with_name(source.name.removesuffix(_TEMPLATE))
            if target.name == f"test_{kind}.py":
                target = target.with_name(f"test_{name}.py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
    if learned:
        print(
            f"{folder}: set MARVIEW_PLUGINS={output.absolute()}, train it with 'marview train {name} --data DIR "
            "--output RUN', where DIR holds scans without metal, then install it with 'marview methods --install RUN'."
        )
    else:
        print(
            f"{folder}: check it with 'marview plugin check {folder}', then install it with 'marview plugin install "
            f"{folder}'."
        )


def check_plugin(folder: Path) -> list[str]:
    """Check a method in its own process; returns one sentence for each breach of the contract or of safety.

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
        last = (done.stderr.strip().splitlines() or ["It printed nothing."])[-1]
        raise MethodFailed(
            f"The method in {folder} ended the process that checked it (exit code {done.returncode}). {last}"
        )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    opened = opened_to_others(folder)
    return found if opened is None else [discovery.not_safe(folder, opened), *found]


@plugin.command("check")
def print_check(folder: Folder, as_json: AsJson = False) -> int:
    """Check a method: its manifest, imports and parameters, then a run on a phantom in its own process."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder. Name the folder that holds plugin.toml.")
    found = check_plugin(folder)
    if as_json:
        print(json.dumps({"folder": str(folder), "ok": not found, "findings": found}, indent=2))
    else:
        for sentence in found or [f"{folder} keeps the contract of methods."]:
            print(sentence)
    return MethodFailed.exit_code if found else 0


@plugin.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List the installed methods, as `marview methods` does."""
    print_methods(as_json=as_json)


@plugin.command("install")
def install_plugin(folder: Folder) -> None:
    """Copy a method to your own methods, where it replaces a bundled one with the same identifier.

    Raises:
        BadInput: the folder holds no usable manifest, or a file in it cannot be read.
        UsageError: a method with this identifier is already installed there.
    """
    manifest = read_manifest(folder)
    target = discovery.user_plugins() / manifest.id
    if target.exists():
        raise UsageError(f"{target} already exists. Remove it first: marview plugin remove {manifest.id}.")
    with whole_folder(target) as part:
        copy_method(folder, part)
    print(f"{target}: installed.")


@plugin.command("remove")
def remove_plugin(
    method: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A method, or trained weights, that you installed.", autocompletion=own_methods
        ),
    ],
) -> None:
    """Remove one of your own methods; the bundled method with its identifier, or its earlier weights, return.

    Raises:
        UsageError: you have no method with this identifier.
    """
    for listing in discovery.users_own():
        if listing.id == method:
            shutil.rmtree(listing.folder)
            print(f"{listing.folder}: removed.")
            return
    raise UsageError(f"You have installed no method {method}. Bundled methods and those of packages cannot be removed.")


def main(arguments: list[str]) -> None:
    """Check a method in this process and print the findings as JSON; output of the method goes to standard error."""
    out, sys.stdout = sys.stdout, sys.stderr
    from marview.testing import check_method

    found = check_method(Path(arguments[0]))
    out.write(json.dumps(found) + "\n")
    out.flush()
