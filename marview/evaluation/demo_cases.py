"""The demo studies as cases with known truth, for methods that go through the clinical front end."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray

from marview.evaluation.case import KnownCase, ListedCase
from marview.geometry import processing_beam
from marview.physics.demo_study import make_demo
from marview.volume.segment import adaptive
from marview.worker.api import MarCase

FoundMetal = Callable[[str, NDArray[np.bool_]], None]
"""Is told the metal that was found in a case's slices, by the case's name."""


def list_demo(kinds: tuple[str, ...], found: FoundMetal, every: int = 1) -> list[ListedCase]:
    """A case for each study, made of the slices that truly hold metal.

    Args:
        kinds: of `make_demo`.
        found: is told which metal was found in the study by itself, before the case is handed out. The case's own mask
            is the true one, outside which errors are measured.
        every: only every so manieth slice.
    """

    @cache  # the figures of a benchmark read their cases again, and a study takes a minute to make
    def read(kind: str) -> KnownCase:
        study = make_demo(kind)
        slices = np.flatnonzero(study.metal.any(axis=(1, 2)))[::every]
        found(f"demo-{kind}", adaptive(study.hu, study.grid.spacing_mm).mask[slices])
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
