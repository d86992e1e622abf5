"""Summarise the ratings of a reader study: the grades of each method and the agreement between readers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.metrics import intraclass_correlation, weighted_kappa
from marview.reader_study.ratings import CRITERIA, RatingsFile
from marview.reader_study.study import ReaderStudy

ALL_METHODS = "all methods"


@dataclass(frozen=True)
class Score:
    """Summary of the grades that readers gave one method for one criterion.

    Attributes:
        method: name of the method, or `ALL_METHODS`.
        criterion: readability or correctness.
        readers: number of readers who rated the method.
        ratings: number of ratings.
        mean: mean grade, 1 to 5.
        sd: standard deviation of the grades.
        kappa: Cohen's kappa with quadratic weights, averaged over pairs of readers; NaN if undefined.
        icc: intraclass correlation ICC(2,1) over the pairs that all readers rated; NaN if undefined.
    """

    method: str
    criterion: str
    readers: int
    ratings: int
    mean: float
    sd: float
    kappa: float
    icc: float


def rated(study: ReaderStudy) -> Iterator[dict[str, object]]:
    """Yield each reader's latest rating of each pair, with the case, slice number and method.

    Raises:
        BadInput: a ratings file cannot be read.
    """
    for reader in study.readers():
        latest = RatingsFile(study.ratings_path(reader)).latest()
        for pair in study.pairs:
            if rating := latest.get(pair.id):
                grades = {criterion: getattr(rating, criterion) for criterion in CRITERIA}
                place: dict[str, object] = {"case": pair.case, "slice": pair.slice_number, "method": pair.method}
                yield {"reader": reader, "pair": pair.id} | place | grades | {"time": rating.time}


def scores(study: ReaderStudy) -> tuple[Score, ...]:
    """Return the scores for each method, and for all methods together, for both criteria.

    Raises:
        BadInput: a ratings file cannot be read.
    """
    of_pairs = np.array([pair.method for pair in study.pairs])
    chosen = {str(method): of_pairs == method for method in sorted(set(of_pairs))}
    chosen[ALL_METHODS] = np.ones(len(of_pairs), dtype=bool)
    tables = {criterion: _table(study, criterion) for criterion in CRITERIA}
    return tuple(
        _score(method, criterion, table[:, at]) for criterion, table in tables.items() for method, at in chosen.items()
    )


def _table(study: ReaderStudy, criterion: str) -> NDArray[np.float64]:
    """Return the grades `[reader, pair]`; NaN if a pair is not rated."""
    of_readers = [RatingsFile(study.ratings_path(reader)).latest() for reader in study.readers()]
    rows = [[getattr(latest.get(pair.id), criterion, np.nan) for pair in study.pairs] for latest in of_readers]
    return np.array(rows, float).reshape(len(of_readers), len(study.pairs))


def _score(method: str, criterion: str, table: NDArray[np.float64]) -> Score:
    known = np.isfinite(table)
    grades, active = table[known], table[known.any(axis=1)]
    mean, sd = (float(grades.mean()), float(grades.std())) if len(grades) else (float("nan"), float("nan"))
    return Score(
        method,
        criterion,
        len(active),
        len(grades),
        mean,
        sd,
        weighted_kappa(active),
        intraclass_correlation(active),
    )
