"""Size groups: the field's tables run from large to small metal."""

from collections.abc import Sequence

import numpy as np


def size_groups(metal_px: Sequence[int], count: int = 5) -> list[list[int]]:
    """Sort cases into groups of metal size, large to small.

    The different sizes are dealt out evenly, so the ten test masks of SynDeepLesion give the pairs of its tables,
    however many slices each was put into and even where a case is missing. Cases of one size stay together.

    Args:
        metal_px: metal pixels of each case.
        count: groups; fewer where there are fewer different sizes.

    Returns:
        Of each group the indices of its cases.

    Example:
        >>> size_groups([53, 2061, 890, 35, 2061], count=2)
        [[1, 2, 4], [0, 3]]
    """
    if not metal_px:
        return []
    sizes = np.unique(np.asarray(metal_px))[::-1]
    parts = np.array_split(sizes, min(count, len(sizes)))
    return [[k for k, size in enumerate(metal_px) if size in part] for part in parts]
