"""How long a benchmark still takes."""

import sys
import time


class Clock:
    """Tells it on standard error, every ten seconds at most."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._told = 0.0

    def tell(self, fraction: float, text: str) -> None:
        """So much is done, from 0 to 1; `text` says what is done now."""
        now = time.monotonic()
        if fraction > 0 and now - self._told > 10:
            self._told = now
            left = (now - self._started) * (1 - fraction) / fraction
            print(f"{fraction:4.0%}  {text}  {left / 60:.1f} min left", file=sys.stderr, flush=True)
