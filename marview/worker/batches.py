"""Choose how many slices a method corrects at once, and divide a run into batches."""

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from marview.errors import MethodFailed
from marview.mar.manifest import Manifest
from marview.worker.devices import memory_mb

LARGEST = {"cpu": 8, "cuda": 32}
"""Largest batch size by device. On a CPU, larger batches need up to twice the memory and save little or no time."""

_FIRST = 4
_SLICE_PIXELS = 512**2
_SHARE = 0.6

Case = TypeVar("Case")


class Batches:
    """Division of a run into batches that fit into memory; small batches come first, for early results."""

    def __init__(self, manifest: Manifest, device: torch.device) -> None:
        """Measure the free memory.

        Raises:
            MethodFailed: there is too little memory for a single slice.
        """
        self._manifest = manifest
        free_mb, _ = memory_mb(device)
        self._most = LARGEST[device.type]
        self.largest = min(self._most, int(_SHARE * free_mb / manifest.memory_mb))
        if self.largest < 1:
            raise MethodFailed(
                f"The method {manifest.id} needs {manifest.memory_mb} MB per slice, but only {free_mb} MB are free on "
                f"{device}. Close other programs and try again."
            )

    def limit(self, pixels: int) -> None:
        """Reduce the batch size if slices have many `pixels`, because corrections have the full slice resolution."""
        self.largest = max(1, min(self.largest, self._most * _SLICE_PIXELS // pixels))

    def split(self, items: list[Case], *, is_first_alone: bool) -> Iterator[list[Case]]:
        """Split the items into batches, preserving their order.

        Args:
            items: items to process.
            is_first_alone: whether the first item forms its own batch, so that the displayed slice is corrected
                quickly.
        """
        done, size = 0, 1 if is_first_alone else self.largest
        while done < len(items):
            batch = items[done : done + min(size, self.largest)]
            done += len(batch)
            size = _FIRST if size == 1 else self.largest
            yield batch

    def run(self, items: list[Case], work: Callable[[list[Case]], None]) -> None:
        """Process the items as one batch; if memory runs out, split the batch in half.

        Raises:
            MethodFailed: memory runs out for a single slice.
        """
        try:
            work(items)
            return
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if len(items) == 1:
                raise MethodFailed(
                    f"The method {self._manifest.id} ran out of memory on a single slice. Close other "
                    "programs and try again."
                ) from error
        # outside the exception handler, so that the memory of the failed attempt is released
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = (len(items) + 1) // 2
        self.largest = min(self.largest, half)
        self.run(items[:half], work)
        self.run(items[half:], work)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory"))
