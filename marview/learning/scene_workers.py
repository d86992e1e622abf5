"""Draw scenes in several processes, because a GPU simulates scenes faster than a single process can draw them."""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor

import torch

from marview.children import spare_children_the_current_folder
from marview.learning.bank import Bank
from marview.learning.recipe import Data
from marview.learning.scenes import Scene, draw_scene
from marview.threads import start_thread

_AHEAD = 2
"""Number of scenes that a worker prepares in advance."""


class SceneWorkers:
    """Pool of processes that draw numbered scenes and prepare the next scenes in advance.

    Args:
        bank: training slices; each process has its own copy.
        how: settings of the random scenes.
        seed: seed that all scenes share; the scene number is appended to it for each scene.
        count: number of processes.
    """

    def __init__(self, bank: Bank, how: Data, seed: tuple[int, ...], count: int) -> None:
        self._seed, self._ahead = seed, _AHEAD * count
        self._waiting: dict[int, Future[Scene]] = {}
        spare_children_the_current_folder()
        self._pool = ProcessPoolExecutor(
            count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(bank, how)
        )

    def __call__(self, number: int) -> Scene:
        """Return the scene with this number.

        Raises:
            BadInput: the slices contain no tissue for metal.
        """
        for one in range(number, number + self._ahead):
            if one not in self._waiting:
                self._waiting[one] = self._pool.submit(_draw, (*self._seed, one))
        for passed in [one for one in self._waiting if one < number]:
            self._waiting.pop(passed).cancel()
        return self._waiting.pop(number).result()

    def close(self) -> None:
        """Stop the worker processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)


_held: list[tuple[Bank, Data]] = []


def _begin(bank: Bank, how: Data) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training process handles Ctrl-C
    torch.set_num_threads(1)
    start_thread(_end_with_parent, "parent")
    _held[:] = [(bank, how)]


def _end_with_parent() -> None:
    """End this process when the training process has ended, which the pipe of the pool does not report."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _draw(seed: tuple[int, ...]) -> Scene:
    [(bank, how)] = _held
    return draw_scene(bank, how, seed)
