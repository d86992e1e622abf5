"""Print to the terminal, with control characters in file names and file contents escaped."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from marview.errors import printable

_LAYOUT = "\n\t"

_PIPED_COLUMNS = 1000
"""Width in characters of tables that are not printed to a terminal, so that each row is one line."""


class PlainStream:
    """Stream that escapes control and unencodable characters; `raw` is the underlying stream."""

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
    """Replace standard output and standard error with `PlainStream` inside a `with` block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_plain(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _plain(stream: TextIO) -> Any:
    return PlainStream(stream) if stream is not None and not isinstance(stream, PlainStream) else stream


class _Terminal(Console):
    """Console that uses escape codes for tables and bars, but escapes such codes in texts."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, kept=_LAYOUT), **options)


def terminal(*, is_error: bool = False, **options: Any) -> Console:
    """Return a Rich console for standard output or error that wraps table rows only on a terminal."""
    stream: Any = sys.stderr if is_error else sys.stdout
    console = _Terminal(file=stream.raw if isinstance(stream, PlainStream) else stream, **options)
    if not console.is_terminal:
        console.width = _PIPED_COLUMNS
    return console


class _Notes:
    are_wanted = True


def want_notes(*, are_wanted: bool) -> None:
    """Set whether notes and progress are printed; errors and results are always printed."""
    _Notes.are_wanted = are_wanted


def are_notes_wanted() -> bool:
    """Return whether notes and progress are printed."""
    return _Notes.are_wanted


def say(sentence: str) -> None:
    """Print a sentence to standard error, unless the user passed `--quiet`."""
    if _Notes.are_wanted:
        print(f"marview: {sentence}", file=sys.stderr, flush=True)  # noqa: T201


def note(sentence: str) -> None:
    """Print a note about a result to standard error, unless the user passed `--quiet`."""
    if _Notes.are_wanted:
        print(f"Note: {sentence}", file=sys.stderr)  # noqa: T201
