"""Progress bar column that shows the remaining time once it is known."""

from collections.abc import Callable

from rich.progress import ProgressColumn, Task
from rich.text import Text

from marview.time_left import in_words


class TimeLeftColumn(ProgressColumn):
    """Column with the remaining time in words; empty while the time is unknown and after the task has ended.

    Args:
        seconds: function that returns the remaining seconds, or None while they are unknown.
    """

    def __init__(self, seconds: Callable[[], float | None]) -> None:
        super().__init__()
        self._seconds = seconds

    def render(self, task: Task) -> Text:
        """Return the remaining time, which is the same for all tasks in a progress bar."""
        seconds = self._seconds()
        return Text("" if seconds is None or task.finished else f"{in_words(seconds)} left")
