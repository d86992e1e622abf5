"""Autosaves made for tests, and what a killed process leaves of them."""

from pathlib import Path

import numpy as np

from marview.session.autosave_store import AutosaveStore, Work
from marview.volume.patch import MaskPatch

SHAPE = (4, 9, 8)


def work(**changes) -> Work:
    return Work(**({"path": "/study", "key": "k", "shape": SHAPE, "affine": (1.0,) * 16, "origin": "o"} | changes))


def patch(seed: int = 0) -> MaskPatch:
    mask = np.random.default_rng(seed).random(SHAPE) > 0.5
    return MaskPatch.between(np.zeros(SHAPE, bool), mask)


def leave(folder: Path, seed: int = 0, **changes) -> None:
    """Leftovers of a killed process: its file, and a released lock."""
    store = AutosaveStore(folder)
    store.write(work(**changes), patch(seed))
    for lock in store._locks.values():
        lock.close()
