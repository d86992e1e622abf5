"""The program's entry."""

from marview.__main__ import VERBS
from marview.cli import app


def test_the_entry_knows_every_verb_of_the_command_line() -> None:
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    groups = {str(group.name) for group in app.registered_groups}
    assert commands | groups == VERBS
