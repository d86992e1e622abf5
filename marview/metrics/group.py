"""Group cases by metal size, from large to small, as in published tables."""

from collections.abc import Sequence

import numpy as np


def size_groups(metal_px: Sequence[int], shapes: Sequence[int] | None = None, count: int = 5) -> list[list[int]]:
    """Group cases by metal size, from large to small.

    The number of different sizes is the same in every group, or differs by at most one. With the ten test
    masks of SynDeepLesion, five groups reproduce the mask pairs of published tables, regardless of the
    number of slices per mask. Cases of equal size are in the same group, unless their shapes differ.

    Args:
        metal_px: number of metal pixels of each case.
        shapes: identifier of each case's metal shape, to distinguish different shapes of equal size.
        count: number of groups; reduced if there are fewer different sizes.

    Returns:
        Case indices, one list per group.

    Examples:
        >>> size_groups([53, 2061, 890, 35, 2061], count=2)
        [[1, 2, 4], [0, 3]]
    """
    if not metal_px:
        return []
    kinds = list(zip(metal_px, shapes or [0] * len(metal_px), strict=True))
    different = sorted(set(kinds), reverse=True)
    parts = np.array_split(np.arange(len(different)), min(count, len(different)))
    group_of = {different[k]: number for number, part in enumerate(parts) for k in part}
    return [[k for k, kind in enumerate(kinds) if group_of[kind] == number] for number in range(len(parts))]
