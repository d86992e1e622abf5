"""Keep batches in memory for reuse, because simulating a slice takes longer than training on it."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from marview.learning.api import Batch

B = TypeVar("B", bound=Batch)

_CHANCE = 2


class Remembered(Generic[B]):
    """Source of training batches that follows each new batch from another source with random batches from memory.

    A returned batch depends only on its number and the seed. When a run resumes, any batch that is needed
    but not in memory is created again.
    """

    def __init__(self, source: Callable[[int], B], kept: int, shown: int, seed: int) -> None:
        """Start with an empty memory.

        Args:
            source: source of new batches.
            kept: largest number of batches in memory.
            shown: number of batches returned per new batch, including the new one.
            seed: seed of the random choice.
        """
        self._source, self._kept, self._shown, self._seed = source, kept, shown, seed
        self._batches: dict[int, B] = {}

    def __len__(self) -> int:
        """Return the number of batches in memory."""
        return len(self._batches)

    def __call__(self, number: int) -> B:
        """Return the batch with this number."""
        newest = number // self._shown
        oldest = max(0, newest - self._kept + 1)
        chosen = newest
        if number % self._shown:
            rng = np.random.default_rng((_CHANCE, self._seed, number))
            chosen = int(rng.integers(oldest, newest + 1))
        for forgotten in [each for each in self._batches if each < oldest]:
            del self._batches[forgotten]
        if chosen not in self._batches:
            self._batches[chosen] = self._source(chosen)
        return self._batches[chosen]
