"""How much of a sinogram a metal trace hides, and from when on what replaces it is a guess."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GUESS_FRACTION = 0.15
"""From this share of the sinogram on, what a method puts into the metal trace is mostly a guess."""


@dataclass(frozen=True)
class TraceCoverage:
    """What a metal trace leaves of a sinogram.

    Attributes:
        fraction: share of all rays that the trace covers, 0 to 1.
        hidden_views: views in which the trace covers every ray through the body, so that nothing is known of it there.
        largest_gap: bins of the longest run of the trace in one view, which completion has to bridge.
    """

    fraction: float
    hidden_views: int
    largest_gap: int

    @classmethod
    def of(cls, trace: NDArray[np.bool_], body: NDArray[np.bool_] | None = None) -> "TraceCoverage":
        """The coverage of a trace.

        Args:
            trace: bool, `[view, bin]`.
            body: the rays through the body, bool, `[view, bin]`; all of them where None.

        Example:
            >>> trace = np.array([[True, False, True, True], [True, True, True, True]])
            >>> TraceCoverage.of(trace)
            TraceCoverage(fraction=0.875, hidden_views=1, largest_gap=4)
            >>> TraceCoverage.of(trace, body=np.array([[False, False, True, True], [False, True, True, False]]))
            TraceCoverage(fraction=0.875, hidden_views=2, largest_gap=4)
        """
        rays = np.ones_like(trace) if body is None else body
        hidden = rays.any(axis=1) & ~(rays & ~trace).any(axis=1)
        steps = np.diff(np.pad(trace, ((0, 0), (1, 1))).ravel().astype(np.int8))
        runs = np.flatnonzero(steps < 0) - np.flatnonzero(steps > 0)
        return cls(float(trace.mean()), int(hidden.sum()), int(runs.max(initial=0)))

    @property
    def is_guess(self) -> bool:
        """Whether so much is hidden that completion is mostly a guess."""
        return self.fraction >= GUESS_FRACTION or self.hidden_views > 0
