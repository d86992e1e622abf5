"""Show the progress of a command: a bar on a terminal, occasional lines elsewhere, nothing with --quiet."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from marview.commands.time_left_column import TimeLeftColumn
from marview.terminal import are_notes_wanted, say, terminal
from marview.time_left import TimeLeft, in_words

LINE_S = 15.0
"""Minimum time in seconds between two progress lines in a log or pipe."""

Advance = Callable[[float, str], None]
"""Function called with the finished fraction, 0 to 1, and the name of the current step; without a name, the title of
the task is shown."""


@contextmanager
def progress(title: str, *, is_quiet: bool = False) -> Iterator[Advance]:
    """Show the progress of a task, and yield the function that updates the display (see `Advance`).

    Args:
        title: name of the task.
        is_quiet: whether to show nothing, for commands that print JSON.
    """
    left = TimeLeft()
    console = terminal(is_error=True)
    is_shown = not is_quiet and are_notes_wanted()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeLeftColumn(lambda: left.seconds),
        console=console,
        disable=not (is_shown and console.is_terminal),
    )
    task = bar.add_task(escape(title), total=1.0)
    lines = Lines() if is_shown and not console.is_terminal else None
    earlier = 0.0

    def advance(fraction: float, step: str) -> None:
        nonlocal earlier
        if fraction < earlier:  # a new phase, whose speed may differ
            left.restart(fraction)
        earlier = fraction
        left.note(fraction)
        bar.update(task, completed=fraction, description=escape(step or title))
        if lines is not None:
            lines.tell(f"{step or title}: {fraction:.0%}", left.seconds if round(fraction, 2) < 1 else None)

    with bar:
        yield advance


class Lines:
    """Progress display for logs and pipes: at most one line every `LINE_S` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()

    def tell(self, text: str, seconds_left: float | None) -> None:
        """Print a line, unless less than `LINE_S` seconds have passed since the last one."""
        now = self._clock()
        if now - self._last < LINE_S:
            return
        self._last = now
        say(text if seconds_left is None else f"{text}, {in_words(seconds_left)} left")
