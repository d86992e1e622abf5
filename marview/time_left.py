"""Estimate the remaining time from the completed fraction of the work."""

import time
from collections.abc import Callable

_KNOWN_SHARE = 0.02
_KNOWN_S = 2.0
_SHORT_S, _KNOWN_SHARE_OF_SHORT = 30.0, 0.08
"""In short work, starting a process takes much of the first time, so more of the work must be done."""

_SLOWER = 1.5
_SURE_S = 10.0


class TimeLeft:
    """Estimator of the remaining time, based on reports of the completed fraction.

    The estimate becomes available only after some of the work is done; elapsed time alone is not enough.
    Between two reports, it counts down, but by no more than the usual time between reports. If work slows
    down, the estimate stays constant. It rises only at a report, and only after work has been much slower
    for some time.

    Args:
        clock: function that returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.restart()

    def restart(self, fraction: float = 0.0) -> None:
        """Restart at a fraction that is already completed and does not count towards the measured speed."""
        self._first, self._began = fraction, self._clock()
        self._latest, self._noted = fraction, self._began
        self._notes = 0
        self._left: float | None = None
        self._slower_since: tuple[float, float, int] | None = None

    def note(self, fraction: float) -> None:
        """Report the completed fraction, 0 to 1; only an increase counts."""
        if fraction <= self._latest:
            return
        shown, now = self.seconds, self._clock()
        self._latest, self._noted = fraction, now
        self._notes += 1
        done, spent = fraction - self._first, now - self._began
        share = _KNOWN_SHARE if spent >= _SHORT_S else _KNOWN_SHARE_OF_SHORT
        is_known = done >= share * (1 - self._first) and spent >= _KNOWN_S
        self._left = self._settled(spent / done * (1 - fraction), shown) if is_known else shown

    def _settled(self, estimate: float, shown: float | None) -> float:
        """Return the time to show for an estimate, given the time shown."""
        if shown is None or estimate <= shown:
            self._slower_since = None
            return estimate
        if self._slower_since is None:
            self._slower_since = self._latest, self._noted, self._notes
        share, since, notes = self._slower_since
        spent, done = self._noted - since, self._latest - share
        if spent < _SURE_S or spent / done * (1 - self._latest) < _SLOWER * shown:
            return shown
        self._first, self._began, self._notes = share, since, self._notes - notes
        self._slower_since = None
        return spent / done * (1 - self._latest)

    @property
    def seconds(self) -> float | None:
        """Return the estimated remaining time in seconds; None while unknown."""
        if self._left is None:
            return None
        usual = (self._noted - self._began) / self._notes
        return max(0.0, self._left - min(self._clock() - self._noted, usual))


def in_words(seconds: float) -> str:
    """Format a duration in rounded units.

    >>> in_words(42), in_words(400), in_words(9000)
    ('42 s', '7 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
