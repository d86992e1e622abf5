"""What goes to the terminal: names and text of files letter for letter, so that none of them steers the terminal."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from marview.errors import printable

_LAYOUT = "\n\t"


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
    """A console of rich on standard output or standard error."""
    stream: Any = sys.stderr if is_error else sys.stdout
    return _Terminal(file=stream.raw if isinstance(stream, PlainStream) else stream, **options)
