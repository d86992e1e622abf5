"""Neighbours of a simulated case: other slices of the same patient, with and without metal."""

import math
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch

from marview.errors import BadInput
from marview.slices.clean import CleanSlice, fit
from marview.slices.shapes import Shape, place
from marview.worker.neighbours import MOST_CLEAN, Neighbours, nearest_clean

_PARTS = 3
"""Number of parts into which the slices of a patient are divided; one part at a time gets metal."""

_FEWEST = 3
"""Smallest number of slices without metal, if the patient has enough slices."""


def part_of(patients: Sequence[str], number: int) -> tuple[list[int], list[int]]:
    """Return the slices that receive metal together with a slice, and the clean slices, nearest first.

    As with a real implant, neighbouring slices receive metal together, and the slices beside this group stay
    clean. A group contains a third of a patient's slices (at most `MOST_CLEAN`), or only the given slice if
    too few slices would stay clean.

    Args:
        patients: patient of each slice, in slice order; empty if unknown, in which case the slice has no
            neighbours.
        number: index of the slice.

    Examples:
        >>> part_of(["a", "a", "a", "a", "a", "a", "b", ""], 2)
        ([2, 3], [1, 4, 0, 5])
    """
    own = [k for k, patient in enumerate(patients) if patient == patients[number]] if patients[number] else [number]
    count = max(_PARTS, math.ceil(len(own) / MOST_CLEAN))
    if len(own) - math.ceil(len(own) / count) < _FEWEST:
        count = len(own)
    part = next(each for each in np.array_split(own, count) if number in each)
    clean = nearest_clean(np.isin(own, part), MOST_CLEAN)
    return part.tolist(), [own[k] for k in clean]


def read_neighbours(
    slices: Sequence[CleanSlice],
    with_metal: Sequence[int],
    clean: Sequence[int],
    shapes: Sequence[Shape],
    grid: tuple[int, int],
    seed: int,
) -> Neighbours:
    """Return a case's neighbours: clean slices and metal masks.

    All slices of a group that receives metal (see `part_of`) share the same neighbours.

    Args:
        slices: all slices.
        with_metal: indices of the slices in the group that receives metal.
        clean: indices of the clean slices.
        shapes: metal shapes of the cases.
        grid: rows and columns of the cases.
        seed: seed of the cases.

    Returns:
        Neighbours on the grid of the cases. Each metal mask contains one shape, placed in one of the
        slices. The number of masks is large enough for every shape and every slice to be used, but at
        most `MOST_CLEAN`.

    Raises:
        BadInput: a slice cannot be read.
    """
    clean_hu = np.stack([fit(slices[k].read(), grid) for k in clean])
    metal = []
    for turn in range(min(MOST_CLEAN, max(len(shapes), len(with_metal)))):
        number, shape = with_metal[turn % len(with_metal)], turn % len(shapes)
        hu = fit(slices[number].read(), grid)
        with suppress(BadInput):  # no place for the shape; the case of that slice reports it
            metal.append(place(shapes[shape], hu, np.random.default_rng([seed, number, shape])) > 0)
    return Neighbours(torch.from_numpy(clean_hu), torch.from_numpy(np.stack(metal)))
