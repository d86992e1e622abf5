"""What goes to the terminal: names and text of files letter for letter, so that none of them steers the terminal."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from marview.errors import printable

_LAYOUT = "\n\t"

_PIPED_COLUMNS = 1000
"""Width of tables that do not go to a terminal: a row is one line, however narrow the terminal is."""


class PlainStream:
    """A stream that shows control characters as escapes and takes every character; `raw` is the stream below."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write text."""
        encoding = getattr(self.raw, "encoding", None) or "utf-8"
        self.raw.write(printable(text, kept=_LAYOUT).encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Within the block, what is printed goes through a `PlainStream`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_plain(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _plain(stream: TextIO) -> Any:
    return PlainStream(stream) if stream is not None and not isinstance(stream, PlainStream) else stream


class _Terminal(Console):
    """Draws tables and bars with escape codes of its own, and none of those in texts."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, kept=_LAYOUT), **options)


def terminal(*, is_error: bool = False, **options: Any) -> Console:
    """A console of rich on standard output or standard error; off a terminal, rows of tables are not wrapped."""
    stream: Any = sys.stderr if is_error else sys.stdout
    console = _Terminal(file=stream.raw if isinstance(stream, PlainStream) else stream, **options)
    if not console.is_terminal:
        console.width = _PIPED_COLUMNS
    return console


class _Notes:
    are_wanted = True


def want_notes(*, are_wanted: bool) -> None:
    """Choose whether notes and progress are printed; refusals and results always are."""
    _Notes.are_wanted = are_wanted


def are_notes_wanted() -> bool:
    """Whether notes and progress are printed."""
    return _Notes.are_wanted


def say(sentence: str) -> None:
    """Print a sentence on standard error, unless the user asked for quiet."""
    if _Notes.are_wanted:
        print(f"marview: {sentence}", file=sys.stderr, flush=True)  # noqa: T201


def note(sentence: str) -> None:
    """Print what the user should know about a result on standard error, unless they asked for quiet."""
    if _Notes.are_wanted:
        print(f"Note: {sentence}", file=sys.stderr)  # noqa: T201
