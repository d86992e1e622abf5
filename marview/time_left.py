"""How long work still takes, from the share of it that is finished."""

import time
from collections.abc import Callable

_KNOWN_SHARE = 0.02
_KNOWN_S = 2.0


class TimeLeft:
    """Time left of work whose finished share is noted from time to time.

    It is known once a share of the work has been seen to be finished in some time, never from the clock alone. Between
    two notes it counts down; it rises only where a note says that the work has become slower.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.restart()

    def restart(self, fraction: float = 0.0) -> None:
        """Begin anew, with a share that is finished already and says nothing of the speed."""
        self._first, self._began = fraction, self._clock()
        self._latest, self._noted = fraction, self._began

    def note(self, fraction: float) -> None:
        """Note the finished share of the work, 0 to 1; only a larger one than before says something."""
        if fraction > self._latest:
            self._latest, self._noted = fraction, self._clock()

    @property
    def seconds(self) -> float | None:
        """Seconds left; None while they are not known."""
        done, spent = self._latest - self._first, self._noted - self._began
        if done < _KNOWN_SHARE * (1 - self._first) or spent < _KNOWN_S:
            return None
        return max(0.0, spent / done * (1 - self._latest) - (self._clock() - self._noted))


def in_words(seconds: float) -> str:
    """A time as a person says it.

    >>> in_words(42), in_words(400), in_words(9000)
    ('42 s', '7 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
