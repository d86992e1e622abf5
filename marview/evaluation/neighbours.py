"""What is known of the scan that a simulated case lies in: other slices of its patient, and metal in them."""

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
"""A patient's slices are divided into so many parts, which hold metal by turns."""

_FEWEST = 3
"""Slices that stay clean, where the patient has more than so many."""


def part_of(patients: Sequence[str], number: int) -> tuple[list[int], list[int]]:
    """The slices of a patient that hold metal together with one of them, and those that are then clean, nearest first.

    An implant reaches over neighbouring slices and those beside it are clean: a third of a patient's slices holds metal
    at a time, `MOST_CLEAN` at most, or one of them where else too few would be clean.

    Args:
        patients: whose each slice is, in the order they lie; empty where nobody knows, so that it has no others.
        number: of the slice.

    Example:
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
    """The clean slices, and shapes where the cases of the others have them; the same for all that hold metal together.

    Args:
        slices: all of them.
        with_metal: numbers of those that hold metal together.
        clean: numbers of those that are then clean.
        shapes: of the cases.
        grid: rows and columns of the cases.
        seed: of the cases.

    Returns:
        On the cases' grid. The metal is every shape, in one of the slices each, and in every slice one of the shapes;
        `MOST_CLEAN` of them at most.

    Raises:
        BadInput: a slice cannot be read.
    """
    clean_hu = np.stack([fit(slices[k].read(), grid) for k in clean])
    metal = []
    for turn in range(min(MOST_CLEAN, max(len(shapes), len(with_metal)))):
        number, shape = with_metal[turn % len(with_metal)], turn % len(shapes)
        hu = fit(slices[number].read(), grid)
        with suppress(BadInput):  # there is no place for it: the case of that slice says so
            metal.append(place(shapes[shape], hu, np.random.default_rng([seed, number, shape])) > 0)
    return Neighbours(torch.from_numpy(clean_hu), torch.from_numpy(np.stack(metal)))
