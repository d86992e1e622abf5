"""Compute the agreement between readers who rate the same items on an ordinal scale."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def weighted_kappa(ratings: NDArray[np.float64]) -> float:
    """Return Cohen's kappa with quadratic weights, averaged over all pairs of readers.

    A kappa of 1 means full agreement, and 0 means the agreement expected by chance. Cohen 1968 defines
    kappa for two readers; Light 1971 averages it over pairs of readers.

    Args:
        ratings: grades `[reader, item]`; NaN if a reader did not grade an item.

    Returns:
        Kappa; NaN if no two readers rated the same items, or if all of their grades are the same.

    Examples:
        >>> round(weighted_kappa(np.array([[1.0, 2, 3, 4, 5], [1, 2, 3, 4, 4]])), 3)
        0.941
    """
    found = [_kappa_of_two(first, second) for first, second in combinations(np.asarray(ratings, float), 2)]
    known = [each for each in found if np.isfinite(each)]
    return float(np.mean(known)) if known else float("nan")


def _kappa_of_two(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    both = np.isfinite(first) & np.isfinite(second)
    one, other = first[both], second[both]
    if not len(one):
        return float("nan")
    by_chance = np.square(one[:, None] - other).mean()
    return float(1 - np.square(one - other).mean() / by_chance) if by_chance else float("nan")


def intraclass_correlation(ratings: NDArray[np.float64]) -> float:
    """Return ICC(2,1), the two-way random-effects intraclass correlation for absolute agreement of single readers.

    Source: Shrout and Fleiss 1979.

    Args:
        ratings: grades `[reader, item]`; items with NaN are excluded.

    Returns:
        The correlation; NaN if there are fewer than two readers or two items, or if all grades are the
        same.
    """
    given = np.asarray(ratings, float)
    table = given[:, np.isfinite(given).all(axis=0)]
    readers, items = table.shape
    if readers < 2 or items < 2 or not np.ptp(table):
        return float("nan")
    of_items, of_readers, mean = table.mean(axis=0), table.mean(axis=1), table.mean()
    between_items = readers * np.square(of_items - mean).sum() / (items - 1)
    between_readers = items * np.square(of_readers - mean).sum() / (readers - 1)
    rest = table - of_items - of_readers[:, None] + mean
    error = np.square(rest).sum() / ((items - 1) * (readers - 1))
    scale = between_items + (readers - 1) * error + readers * (between_readers - error) / items
    return float((between_items - error) / scale) if scale else float("nan")
