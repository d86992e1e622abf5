"""List the installed methods and their parameters, and install trained weights: the command `methods`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from marview.commands.options import AsJson, method_names
from marview.errors import BadInput, MarviewError, UsageError
from marview.mar import MarWorker, discovery
from marview.mar.discovery import Listing, discover, find
from marview.mar.faults import wrong_entry
from marview.mar.parameter_schema import item_type, resolved
from marview.terminal import note, terminal


def methods(
    method: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="Show the parameters of this method.", autocompletion=method_names),
    ] = "",
    install: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Install the weights from this training run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the installed methods, or show the parameters of one.

    Each parameter has a type, a default, a range and a unit.

    Raises:
        UsageError: the method is not installed, or cannot be used.
        BadInput: the folder contains no training run.
        CannotWrite: the disk is full or read-only.
    """
    if install is not None:
        install_run(install)
    elif method:
        print_parameters(method, as_json=as_json)
    else:
        print_methods(as_json=as_json)


def print_methods(*, as_json: bool) -> None:
    """Print the installed methods, with the reason for each method that cannot be used.

    JSON output also includes the parameter schemas.
    """
    listings = sorted(discover(), key=lambda listing: listing.id)
    for sentence in discovery.missing_folders():
        note(sentence)
    if as_json:
        described = [_without_weights(listing) for listing in listings if listing.manifest is not None]
        with MarWorker(listings=lambda: described) as worker:
            print(json.dumps([_record(listing, worker) for listing in listings], indent=2))
        return
    table = Table(box=None, header_style="bold")
    for heading in ("id", "method", "version", "runs on", "from"):
        table.add_column(heading)
    for listing in listings:
        found = listing.manifest
        title = "" if found is None else f"{escape(found.title)} "
        if listing.error:
            title += "[red](cannot be used)[/red]"
        elif listing.untrained:
            title += "[yellow](not trained)[/yellow]"
        about = ("", "") if found is None else (escape(found.version), found.device)
        table.add_row(listing.id, title.rstrip(), *about, escape(listing.origin))
    console = terminal()
    console.print(table)
    for listing in listings:
        for said in filter(None, (listing.error, listing.untrained, listing.notice)):
            console.print(f"\n{said}", highlight=False, soft_wrap=True, markup=False)


def print_parameters(method: str, *, as_json: bool) -> None:
    """Print the parameters of a method.

    Raises:
        UsageError: the method is not installed, or cannot be used.
        MethodFailed: the code of the method cannot be imported.
    """
    listing = find(method, discover())
    with MarWorker(listings=lambda: [_without_weights(listing)]) as worker:
        schema = worker.describe(method)
    if as_json:
        print(json.dumps({**listing.as_record(), "parameters": schema}, indent=2))
        return
    assert listing.manifest is not None
    console = terminal(highlight=False)
    console.print(f"{listing.manifest.title} {listing.manifest.version}", markup=False, soft_wrap=True)
    where = f"From: {listing.origin}, {listing.folder}"
    for line in filter(None, (listing.manifest.purpose, where, listing.notice)):
        console.print(line, markup=False, soft_wrap=True)
    properties = schema.get("properties", {})
    if not properties:
        console.print("This method has no parameters.")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("parameter", "type", "default", "range", "meaning"):
        table.add_column(heading, overflow="fold")
    for name, field in properties.items():
        about = resolved(field, schema)
        default = json.dumps(field.get("default"))
        words = (name, _type(about), default, _range(about), field.get("description") or about.get("title", ""))
        table.add_row(*map(escape, words))
    console.print(table)
    console.print(f"Set one with: marview reduce STUDY --method {method} --set NAME=VALUE --output DIR", soft_wrap=True)


def install_run(run: Path) -> None:
    """Install a method with the weights of a training run.

    The method is copied to the user's own methods, where it replaces the bundled one.

    Raises:
        UsageError: the method is not installed, or cannot be used.
        BadInput: the folder contains no training run.
        CannotWrite: the disk is full or read-only.
    """
    from marview.learning.install import install
    from marview.learning.record import read_record

    method = read_record(run).get("method")
    if method is None:
        raise BadInput(f"{run} contains no training run, so there is nothing to install.")
    listings = discover()
    if all(listing.id != method for listing in listings):
        raise UsageError(
            f"{run} contains weights for the method {method}, which is not installed. Set MARVIEW_PLUGINS to the "
            "folder that contains the method, as you did for training."
        )
    source = find(str(method), listings).to_train
    if source.manifest is not None and (fault := wrong_entry(source.folder, source.manifest)):
        raise BadInput(f"{fault} Nothing was installed. Correct this, then install the run again.")
    folder = install(run, source, discovery.user_plugins())
    used = find(str(method), discover())
    if used.folder == folder:
        now = f"{method} now uses these weights."
    else:
        now = f"the weights are installed, but runs use {used.name} ({used.folder})."
    replaced = used.replaces[0].manifest if used.folder == folder and used.replaces else None
    undo = "To return to the earlier weights" if replaced is not None and replaced.weights else "To uninstall"
    print(f"{folder}: {now} To check the method, run marview plugin check {folder}.")
    print(f"{undo}, run marview plugin remove {method}.")


def _record(listing: Listing, worker: MarWorker) -> dict[str, Any]:
    """Return a method as a record, with the schema of its parameters or the reason why it cannot be loaded."""
    record = listing.as_record()
    if listing.manifest is None:
        return {**record, "parameters": None}
    try:
        return {**record, "parameters": worker.describe(listing.id)}
    except MarviewError as why:
        return {**record, "error": str(why), "parameters": None}


def _without_weights(listing: Listing) -> Listing:
    """Return a listing that can be described even if its method is not trained yet."""
    assert listing.manifest is not None
    manifest = listing.manifest.model_copy(update={"needs_weights": False})
    return Listing(listing.id, listing.folder, listing.origin, manifest)


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field or "const" in field:
        return "choice"
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if item := item_type(field):
        return f"list of {item}s"
    return {"null": "none", "boolean": "true/false"}.get(field.get("type", ""), str(field.get("type", "")))


def _range(field: Mapping[str, Any]) -> str:
    """Describe the values that a field accepts: choices or limits, with the unit."""
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    for each in field.get("anyOf", ()):
        if found := _range(each):
            return found
    limits = [
        f"{sign} {field[key]:g}"
        for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
        if key in field
    ]
    return " ".join([" and ".join(limits), str(field.get("unit", ""))]).strip()
