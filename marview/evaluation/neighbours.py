"""What is known of the scan that a simulated case lies in: other slices of its patient, and metal in them."""

import math
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch

from marview.errors import BadInput
from marview.slices.clean import CleanSlice, fit
from marview.slices.shapes import Shape, place
from marview.worker.neighbours import Neighbours, nearest_clean

_PARTS, _MOST = 3, 22
"""A patient's slices hold metal in so many turns, or in more, so that no more of them hold it at a time."""


def part_of(patients: Sequence[str], number: int) -> tuple[list[int], list[int]]:
    """The slices of a patient that hold metal together with one of them, and those that are then clean, nearest first.

    An implant reaches over neighbouring slices and those beside it are clean: a third of a patient's slices holds metal
    at a time, 22 at most.

    Args:
        patients: whose each slice is, in the order they lie; empty where nobody knows, so that it has no others.
        number: of the slice.

    Example:
        >>> part_of(["a", "a", "a", "a", "b", ""], 1)
        ([0, 1], [2, 3])
    """
    own = [k for k, patient in enumerate(patients) if patient == patients[number]] if patients[number] else [number]
    parts = np.array_split(own, max(_PARTS, math.ceil(len(own) / _MOST)))
    part = next(each for each in parts if number in each)
    clean = nearest_clean(np.isin(own, part), _MOST)
    return part.tolist(), [own[k] for k in clean]


def read_neighbours(
    slices: Sequence[CleanSlice],
    with_metal: Sequence[int],
    clean: Sequence[int],
    shapes: Sequence[Shape],
    grid: tuple[int, int],
    seed: int,
) -> Neighbours:
    """The clean slices, and every shape where the case of some slice has it; the same for all that hold metal together.

    Args:
        slices: all of them.
        with_metal: numbers of those that hold metal together.
        clean: numbers of those that are then clean.
        shapes: of the cases.
        grid: rows and columns of the cases.
        seed: of the cases.
    """
    clean_hu = np.stack([fit(slices[k].read(), grid) for k in clean])
    metal = []
    for turn in range(min(_MOST, max(len(shapes), len(with_metal)))):
        number, shape = with_metal[turn % len(with_metal)], turn % len(shapes)
        hu = fit(slices[number].read(), grid)
        with suppress(BadInput):  # there is no place for it: the case of that slice says so
            metal.append(place(shapes[shape], hu, np.random.default_rng([seed, number, shape])) > 0)
    return Neighbours(torch.from_numpy(clean_hu), torch.from_numpy(np.stack(metal)))
