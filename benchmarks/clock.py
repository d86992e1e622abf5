"""Print the time left of a benchmark."""

import sys
import time


class Clock:
    """Clock that prints the time left on standard error, at most every ten seconds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._told = 0.0

    def tell(self, fraction: float, text: str) -> None:
        """Report the finished fraction, 0 to 1, and the current step."""
        now = time.monotonic()
        if fraction > 0 and now - self._told > 10:
            self._told = now
            left = (now - self._started) * (1 - fraction) / fraction
            print(f"{fraction:4.0%}  {text}  {left / 60:.1f} min left", file=sys.stderr, flush=True)
