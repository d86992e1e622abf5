"""List the methods that are installed, and install what was trained."""

import json
from pathlib import Path

from rich.table import Table

from marview.errors import BadInput
from marview.mar.discovery import discover, find, user_plugins
from marview.terminal import terminal


def print_methods(*, as_json: bool) -> None:
    """Print every installed method, and beside those that cannot be used why."""
    listings = discover()
    if as_json:
        print(json.dumps([listing.as_record() for listing in listings], indent=2))
        return
    table = Table(box=None, header_style="bold")
    for heading in ("id", "method", "version", "runs on", "from"):
        table.add_column(heading)
    for listing in listings:
        if listing.manifest is None:
            table.add_row(listing.id, f"[red]{listing.error}[/red]", "", "", listing.origin)
        else:
            found = listing.manifest
            title = f"{found.title} [yellow](not trained)[/yellow]" if listing.untrained else found.title
            table.add_row(found.id, title, found.version, found.device, listing.origin)
    console = terminal()
    console.print(table)
    for listing in listings:
        if listing.untrained:
            console.print(f"\n{listing.untrained}", highlight=False, soft_wrap=True)


def install_run(run: Path) -> None:
    """Let a method use, from now on, the weights of a run of `marview train`.

    The method is copied to the folder of the user's own methods, where it replaces the bundled one of the same id.

    Raises:
        UsageError: the method is not installed.
        BadInput: the folder holds no run.
        CannotWrite: the disk is full or read-only.
    """
    from marview.learning.install import install
    from marview.learning.record import read_record

    method = read_record(run).get("method")
    if method is None:
        raise BadInput(f"{run} holds no run of marview train, so there is nothing to install.")
    folder = install(run, find(str(method), discover()), user_plugins())
    print(f"{folder}: {method} uses these weights from now on. Remove that folder to have the earlier ones back.")
