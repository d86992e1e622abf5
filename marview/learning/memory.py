"""Batches kept in memory and shown again: where simulating a slice costs more than learning from it once."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from marview.learning.api import Batch

B = TypeVar("B", bound=Batch)

_CHANCE = 2


class Remembered(Generic[B]):
    """Shows each new batch of a source among earlier ones, drawn by chance from the last that are kept.

    Which batch a number gives is a function of the seed and the number alone. What a run that is taken up has not in
    memory is made again when it is first shown.
    """

    def __init__(self, source: Callable[[int], B], kept: int, shown: int, seed: int) -> None:
        """Remember nothing yet.

        Args:
            source: makes batches.
            kept: how many stay in memory.
            shown: batches that are shown for every new one, itself included.
            seed: of what is shown again.
        """
        self._source, self._kept, self._shown, self._seed = source, kept, shown, seed
        self._batches: dict[int, B] = {}

    def __len__(self) -> int:
        """Batches in memory."""
        return len(self._batches)

    def __call__(self, number: int) -> B:
        """The batch of a number."""
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
