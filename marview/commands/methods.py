"""List the methods that are installed."""

import json

from rich.console import Console
from rich.table import Table

from marview.mar.discovery import discover


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
            table.add_row(found.id, found.title, found.version, found.device, listing.origin)
    Console().print(table)
