"""Size groups: the field's tables run from large to small metal."""

from collections.abc import Sequence

import numpy as np


def size_groups(metal_px: Sequence[int], shapes: Sequence[int] | None = None, count: int = 5) -> list[list[int]]:
    """Sort cases into groups of metal size, large to small.

    The different sizes are dealt out evenly, so the ten test masks of SynDeepLesion give the pairs of its tables,
    however many slices each was put into and even where a case is missing. Cases of one size stay together, unless
    they are of different shapes.

    Args:
        metal_px: metal pixels of each case.
        shapes: number of each case's shape, where shapes of one size are to be told apart.
        count: groups; fewer where there are fewer different sizes.

    Returns:
        Of each group the indices of its cases.

    Example:
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
