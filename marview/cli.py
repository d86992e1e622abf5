"""Command line: import and run only the requested command, and convert exceptions to exit codes.

The command NAME is the function or typer app NAME in `marview/commands/NAME.py`; `marview.verbs` lists the commands.
"""

import enum
import inspect
import re
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from marview import __version__
from marview.ending import CANCELLED, CANCELLED_SENTENCE, ended, refuse
from marview.errors import UsageError
from marview.log_file import log_to_file, log_to_terminal
from marview.terminal import want_notes
from marview.verbs import VERBS
from marview.wrong_value import must_be, one_of

_LINE_BREAK = re.compile(r"(?<!\n)\n(?!\n)")
"""A line break in a paragraph of a docstring; the terminal breaks the lines of the help text itself."""

_ABOUT_CODE = re.compile(r"\n\n(?:Args|Raises|Returns|Example):\n.*", re.DOTALL)


class _Unloaded(TyperCommand):
    """A command whose module is imported when it is called or completed, so that `marview --help` is fast."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load_verb(str(self.name)).make_context(info_name, args, parent, **extra)


class _Verbs(TyperGroup):
    """Group of all commands. It raises Ctrl-C as `typer.Abort`, unlike a command that returns 130."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: _Unloaded(name, help=sentence, short_help=sentence) for name, sentence in VERBS.items()}
        self.params += _loudness()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _hide_types_of_flags(self, ctx)
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="marview",
    cls=_Verbs,
    help="View CT scans with metal, inspect the metal mask and its trace, and run any metal artifact reduction "
    "method. For research, not for primary diagnosis. Without a command, marview [PATH] opens the window.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)


def load_verb(name: str) -> Any:
    """Import a command and return it, with its docstring as help text.

    The options common to all commands are added to it.
    """
    made = getattr(import_module(f"marview.commands.{name}"), name)
    if isinstance(made, typer.Typer):
        verb = made
    else:
        verb = typer.Typer(add_completion=False)
        verb.command(name)(made)
    for each in verb.registered_commands:
        each.help = _LINE_BREAK.sub(" ", _ABOUT_CODE.sub("", inspect.getdoc(each.callback) or ""))
    command = typer.main.get_command(verb)
    command.name = name
    for each in (command, *getattr(command, "commands", {}).values()):
        for parameter in each.params:
            _refuse_empty_path(parameter)
        each.params += _loudness()
        each.format_help = partial(_format_help, each, each.format_help)
    return command


def _format_help(command: Any, formatted: Any, context: Any, formatter: Any) -> None:
    _hide_types_of_flags(command, context)
    formatted(context, formatter)


def _hide_types_of_flags(command: Any, context: Any) -> None:
    """Remove the `<bool>` that typer shows after flags, because they take no value."""
    for parameter in command.get_params(context):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""


def _refuse_empty_path(parameter: Any) -> None:
    """Refuse an empty path, which Python reads as the current folder; it often comes from an unset shell variable."""
    process = parameter.process_value

    def checked(context: Any, value: Any) -> Any:
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise UsageError(f"{_name_of(parameter)} is empty. Specify a file or folder; '.' is the current folder.")
        return process(context, value)

    if "Path" in str(parameter.type_descriptor.annotation):
        parameter.process_value = checked


def _name_of(parameter: Any) -> str:
    """Return the name of an option or argument as `--help` shows it."""
    return str(parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.metavar or parameter.name)


def _loudness() -> list[Any]:
    """Return the options of every command that control the output on standard error."""

    def hold(
        _quiet: Annotated[
            bool,
            typer.Option(
                "--quiet",
                "-q",
                callback=_be_quiet,
                expose_value=False,
                help="Print results and errors only: no notes, no progress.",
            ),
        ] = False,
        _verbose: Annotated[
            bool,
            typer.Option(
                "--verbose",
                "-v",
                callback=_be_verbose,
                expose_value=False,
                help="Also print the log messages.",
            ),
        ] = False,
    ) -> None:
        """Declare the options; it is never called."""

    holder = typer.Typer(add_completion=False)
    holder.command()(hold)
    return [option for option in typer.main.get_command(holder).params if option.name != "help"]


def _be_quiet(is_set: bool) -> None:
    if is_set:
        want_notes(are_wanted=False)


def _be_verbose(is_set: bool) -> None:
    if is_set:
        log_to_terminal()


def run(arguments: list[str]) -> int:
    """Run a command and return the exit code: 0 done, 2 usage, 3 bad input, 4 method failed, 130 cancelled.

    Exit code 1 means that an unexpected error occurred or that `doctor` found a problem.
    """
    log_to_file()
    try:
        return ended(lambda: _run(arguments))
    finally:
        want_notes(are_wanted=True)


def _run(arguments: list[str]) -> int:
    try:
        outcome = app(arguments, prog_name="marview", standalone_mode=False)
    except typer.Abort:
        return refuse(CANCELLED_SENTENCE, CANCELLED)
    except typer.TyperException as wrong:
        context = getattr(wrong, "ctx", None)  # only errors about a verb have one
        command = context.command_path if context else "marview"
        return refuse(f"{_refused(wrong).rstrip('.')}. Run {command} --help.", UsageError.exit_code)
    return int(outcome or 0)


def _refused(wrong: typer.TyperException) -> str:
    """Return the reason why a command line is refused; describe values that pydantic refused in plain words."""
    refusal: Any = wrong.__cause__
    parameter = getattr(wrong, "param", None)
    if parameter is None or not hasattr(refusal, "errors"):
        return wrong.format_message()
    first = refusal.errors(include_url=False)[0]
    kind = parameter.type_descriptor.annotation
    is_choice = isinstance(kind, type) and issubclass(kind, enum.Enum)
    allowed = f"must be {one_of([each.value for each in kind])}" if is_choice else must_be(first)
    return f"{_name_of(parameter)} {allowed}, not {first['input']!r}"
