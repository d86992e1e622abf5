"""Demo studies as cases with known ground truth, so that methods run exactly as on clinical images."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch

from marview.evaluation.case import KnownCase, ListedCase
from marview.evaluation.front_end_methods import FoundMetal
from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.physics.demo_study import make_demo
from marview.volume.segment import adaptive
from marview.worker.neighbours import MOST_CLEAN, nearest_clean

Hear = Callable[[str, FoundMetal], None]
"""Function called with the name of a case and the metal that was found in its study."""


def list_demo(kinds: tuple[str, ...], hear: Hear, every: int = 1) -> list[ListedCase]:
    """List one case per demo study, with the slices that contain metal in the true mask.

    Args:
        kinds: types of demo study, as accepted by `make_demo`.
        hear: function called before a case is returned, with the name of the case and the metal found
            automatically. The case itself contains the true mask, and errors are measured outside the
            true mask.
        every: slice interval; 2 keeps every second slice.
    """

    @cache  # the figures of a benchmark read their cases again, and simulating a study takes a minute
    def read(kind: str) -> KnownCase:
        study = make_demo(kind)
        slices = np.flatnonzero(study.metal.any(axis=(1, 2)))[::every]
        mask = adaptive(study.hu, study.grid.stack_mm).mask
        clean = nearest_clean(np.asarray((mask | study.metal).any(axis=(1, 2))), MOST_CLEAN)
        hear(f"demo-{kind}", FoundMetal(mask[slices], study.hu[clean]))
        pixel_mm = study.grid.spacing_mm[1]
        case = MarCase(
            hu=torch.from_numpy(study.hu[slices].astype(np.float32)),
            metal=torch.from_numpy(study.metal[slices]),
            pixel_mm=pixel_mm,
            beam=processing_beam(pixel_mm),
            slice_indices=list(range(len(slices))),
        )
        return KnownCase(f"demo-{kind}", case, study.truth_hu[slices].astype(np.float32))

    return [ListedCase(f"demo-{kind}", partial(read, kind)) for kind in kinds]
