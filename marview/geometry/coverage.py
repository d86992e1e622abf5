"""Coverage of a sinogram by a metal trace, and the limit above which completion is mostly guesswork."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GUESS_FRACTION = 0.15
"""Smallest covered fraction of the sinogram at which completion is mostly a guess."""


@dataclass(frozen=True)
class TraceCoverage:
    """Coverage of a sinogram by a metal trace.

    Attributes:
        fraction: fraction of all rays that lie in the trace, 0 to 1.
        hidden_views: number of views in which the trace covers every ray through the body.
        largest_gap: width in bins of the widest gap in any single view; completion must bridge this gap.
    """

    fraction: float
    hidden_views: int
    largest_gap: int

    @classmethod
    def of(cls, trace: NDArray[np.bool_], body: NDArray[np.bool_] | None = None) -> "TraceCoverage":
        """Compute the coverage of a trace.

        Args:
            trace: bool, `[view, bin]`.
            body: rays through the body, bool, `[view, bin]`; None for all rays.

        Examples:
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
        """Whether metal hides so much of the sinogram that its completion is mostly guesswork."""
        return self.fraction >= GUESS_FRACTION or self.hidden_views > 0
