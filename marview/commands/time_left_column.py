"""Time left in a progress bar, once it is known."""

from collections.abc import Callable

from rich.progress import ProgressColumn, Task
from rich.text import Text

from marview.time_left import in_words


class TimeLeftColumn(ProgressColumn):
    """Time left in words; empty while it is not known.

    Args:
        seconds: seconds left, None while they are not known.
    """

    def __init__(self, seconds: Callable[[], float | None]) -> None:
        super().__init__()
        self._seconds = seconds

    def render(self, task: Task) -> Text:  # noqa: ARG002 - every task of a bar shares the time
        """Return the time left."""
        seconds = self._seconds()
        return Text("" if seconds is None else f"{in_words(seconds)} left")
