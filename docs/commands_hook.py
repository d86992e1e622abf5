"""Append the options of every command to the page of commands, so that it never differs from `--help`."""

from typing import Any

import typer
from typer.cli import get_docs_for_click

from marview.cli import app, load_verb
from marview.verbs import VERBS


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Return the page's text, with the options of every command below it on the page of commands."""
    if page.file.src_uri != "reference/commands.md":
        return markdown
    command: Any = typer.main.get_command(app)
    command.commands = {name: load_verb(name) for name in VERBS}
    context = command.make_context("marview", [], resilient_parsing=True)
    options = get_docs_for_click(obj=command, ctx=context, name="marview")
    return f"{markdown}\n{options.replace('# `marview`', '## Options', 1)}"
