"""Write, check, install and remove methods: the commands `plugin ...`."""

import json
import keyword
import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
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
from marview.mar.faults import not_trained
from marview.mar.ownership import opened_to_others
from marview.mar.process import how_it_ended, lacks_packages
from marview.mar.runner import interpreter
from marview.paths import resources
from marview.terminal import note, say

log = logging.getLogger(__name__)

_CHECK_S = 300
_SAY_S = 10
"""Seconds between two messages about a check that is still running."""

_TEMPLATE = ".tmpl"


plugin = typer.Typer(no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder that contains plugin.toml.")]


def own_methods() -> list[str]:
    """Return the identifiers of the user's own methods, for shell completion."""
    return sorted(listing.id for listing in discovery.users_own())


@plugin.callback()
def about() -> None:
    """Write, check, install and remove methods."""


@plugin.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Identifier: lower-case letters, digits, underscores.")],
    image: Annotated[bool, typer.Option("--image", help="The method uses only the image (default).")] = False,
    sinogram: Annotated[bool, typer.Option("--sinogram", help="The method completes the sinogram.")] = False,
    learned: Annotated[
        bool,
        typer.Option(
            "--learned", help="The method has a network to train; with --image, the network uses only the image."
        ),
    ] = False,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Parent folder of the new folder NAME.")] = Path(),
) -> None:
    """Write a working example method and its test as a starting point for your own method.

    Raises:
        UsageError: the name is not an identifier, the options cannot be combined, or the folder is not empty.
        CannotWrite: the folder cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot be the identifier of a method. Use lower-case letters, digits and underscores, begin "
            "with a letter, and avoid Python keywords."
        )
    kinds = [kind for kind, is_asked in (("image", image), ("sinogram", sinogram), ("learned", learned)) if is_asked]
    if len(kinds) > 1 and kinds != ["image", "learned"]:
        raise UsageError(f"--{kinds[0]} and --{kinds[1]} cannot be combined. Use one of them.")
    # Files of a later template replace those of an earlier one.
    templates = [*kinds[1:], "learned_on_image"] if len(kinds) > 1 else kinds or ["image"]
    words = name.replace("_", " ").strip()
    values = {"id": name, "title": words[0].upper() + words[1:], "class_name": words.title().replace(" ", "")}
    folder = output / name
    same = [listing for listing in discovery.discover() if listing.id == name]
    with whole_folder(folder) as part:
        for template in templates:
            _fill(resources() / "plugin_templates" / template, part, values)
    if same:
        note(
            f"The identifier {name} is already in use by {same[0].name} ({same[0].folder}). marview uses only one of "
            "the two methods; marview plugin list shows which one."
        )
    if learned:
        print(f"{folder}: created. {_how_to_train(folder)}")
    else:
        print(
            f"{folder}: check the method with 'marview plugin check {folder}', then install it with 'marview plugin "
            f"install {folder}'."
        )


def _how_to_train(folder: Path) -> str:
    """Return a message that says how to train the method in a folder; empty if it needs no training."""
    untrained = not_trained(read_manifest(folder))
    if not untrained or any(each.to_train.folder.resolve() == folder.resolve() for each in discovery.discover()):
        return untrained
    return f"Set MARVIEW_PLUGINS={folder.absolute().parent}, so that marview finds the method. {untrained}"


@dataclass(frozen=True)
class Checked:
    """Result of checking a method.

    Attributes:
        findings: one message for each violation of the method contract or the safety rules.
        hints: one message for each weakness that is not a violation.
        printed: text printed by the method and by the check.
        untrained: reason why the method was not run, if it has no weights yet; otherwise empty.
    """

    findings: list[str]
    hints: list[str]
    printed: str
    untrained: str = ""


def _fill(template: Path, folder: Path, values: Mapping[str, str]) -> None:
    """Write the files of a template into the folder of a new method; they replace files with the same names."""
    for source in sorted(template.rglob(f"*{_TEMPLATE}")):
        target = folder / source.relative_to(template).with_name(source.name.removesuffix(_TEMPLATE))
        if target.name == f"test_{template.name}.py":
            target = target.with_name(f"test_{values['id']}.py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")


def check_plugin(folder: Path) -> Checked:
    """Check a method in a separate process.

    Raises:
        BadInput: the folder contains no manifest.
        UsageError: the interpreter named in the manifest does not exist.
        MethodFailed: the process crashed or took more than five minutes.
    """
    manifest = read_manifest(folder)
    python = interpreter(folder, manifest)
    code, out, printed = _run_check(folder, python)
    if printed.strip():
        log.info("%s", printed.rstrip())
    if code:
        if lacks := lacks_packages(printed, python):
            raise MethodFailed(lacks)
        last = f" Last line of its output: {printed.strip().splitlines()[-1].rstrip('.')}." if printed.strip() else ""
        raise MethodFailed(
            f"The method in {folder} stopped unexpectedly: its process {how_it_ended(code)}.{last}{_advice(printed)}"
        )
    found: dict[str, list[str]] = json.loads(out.splitlines()[-1])
    opened = opened_to_others(folder)
    unsafe = [] if opened is None else [discovery.not_safe(folder, opened)]
    findings = [*unsafe, *(each for each in found["findings"] if each != not_trained(manifest))]
    return Checked(findings, found["hints"], printed, _how_to_train(folder))


def _run_check(folder: Path, python: str) -> tuple[int, str, str]:
    """Run the check in its own process and return exit code and output; print regularly that it is still running."""
    started = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - our own interpreter, or the one that the manifest names
        children.command("marview.commands.plugin", str(folder.resolve()), python=python),
        cwd=children.NEUTRAL_FOLDER,
        env=children.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    out, printed = process.communicate(timeout=_SAY_S)
                    return process.returncode, out, printed
                seconds = time.monotonic() - started
                if seconds >= _CHECK_S:
                    raise MethodFailed(
                        f"The method in {folder} was still running after {_CHECK_S} s, so the check stopped it. Every "
                        "loop in run must end, and must call job.check_cancelled() at least once a second."
                    )
                say(
                    f"The method in {folder} is still running after {seconds:.0f} s. The check will stop it after "
                    f"{_CHECK_S} s."
                )
        finally:
            process.kill()


def _advice(printed: str) -> str:
    """Return advice on how to see the whole traceback, if one was not printed."""
    is_hidden = "Traceback (most recent call last)" in printed and not log.isEnabledFor(logging.INFO)
    return " Add --verbose for the whole traceback." if is_hidden else ""


@plugin.command("check")
def print_check(folder: Folder, as_json: AsJson = False) -> int:
    """Check a method: its manifest, imports and parameters, then a run on a phantom in a separate process.

    The run is stopped after 300 s. With --verbose, the full traceback of an exception is printed. A method without
    weights is not run, and the exit code is 2.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder. Specify the folder that contains plugin.toml.")
    checked = check_plugin(folder)
    found, hints, untrained = checked.findings, checked.hints, checked.untrained
    if as_json:
        is_ok = not found and not untrained
        about = {"folder": str(folder), "ok": is_ok, "untrained": untrained, "findings": found, "hints": hints}
        print(json.dumps(about, indent=2))
    else:
        print(f"{folder} {_verdict(checked)}")
        for sentence in found:
            print(sentence)
        if found and (advice := _advice(checked.printed).strip()):
            print(advice)
        if untrained:
            print(f"{untrained} Then check the folder that this command prints.")
        for sentence in hints:
            note(sentence)
    if found:
        return MethodFailed.exit_code
    return UsageError.exit_code if untrained else 0


def _verdict(checked: Checked) -> str:
    """Return what the check found, to complete a sentence that begins with the folder."""
    if checked.findings:
        return "does not meet the method contract:"
    if checked.untrained:
        return "cannot be run yet, because it has no weights. The check found no error in its files."
    return "meets the method contract."


@plugin.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List the installed methods, as `marview methods` does."""
    print_methods(as_json=as_json)


@plugin.command("install")
def install_plugin(folder: Folder) -> None:
    """Copy a method to your own methods, where it replaces a bundled one with the same identifier.

    Raises:
        BadInput: the folder contains no usable manifest, or a file in it cannot be read.
        UsageError: your own methods already include one with this identifier.
    """
    manifest = read_manifest(folder)
    target = discovery.user_plugins() / manifest.id
    if target.exists():
        raise UsageError(f"{target} already exists. Remove it first: marview plugin remove {manifest.id}.")
    with whole_folder(target) as part:
        copy_method(folder, part)
    print(f"{target}: installed. {_how_to_train(target)}".rstrip())


@plugin.command("remove")
def remove_plugin(
    method: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A method or trained weights that you installed.", autocompletion=own_methods
        ),
    ],
) -> None:
    """Remove one of your own methods; a bundled method with the same identifier is then used again.

    Raises:
        UsageError: you have no method with this identifier.
    """
    for listing in discovery.users_own():
        if listing.id == method:
            shutil.rmtree(listing.folder)
            print(f"{listing.folder}: removed.")
            return
    raise UsageError(
        f"No method {method} is installed in your methods folder. Bundled methods and methods from packages cannot "
        "be removed."
    )


def main(arguments: list[str]) -> None:
    """Check a method in this process and print the findings as JSON on standard output.

    Output of the method itself is redirected to standard error.
    """
    out, sys.stdout = sys.stdout, sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    from marview.testing import check_method, hints

    folder = Path(arguments[0])
    found = {"findings": check_method(folder), "hints": hints(folder)}
    out.write(f"\n{json.dumps(found)}\n")  # on its own line, because compiled code may print too
    out.flush()
