"""The texts beside and below a sinogram."""

import pytest

from marview.geometry import TraceCoverage
from marview.gui.panes.sinogram_words import gap_words


@pytest.mark.parametrize(
    ("hidden", "bins", "words"),
    [
        (0, 1, "widest gap: 1 bin  ·  no view is fully hidden by metal"),
        (1, 30, "widest gap: 30 bins  ·  1 view is fully hidden by metal"),
        (2, 30, "widest gap: 30 bins  ·  2 views are fully hidden by metal"),
    ],
)
def test_nouns_and_verbs_agree_with_their_number(hidden: int, bins: int, words: str) -> None:
    assert gap_words(TraceCoverage(0.1, hidden, bins)) == words


def test_without_a_body_only_the_gap_is_known() -> None:
    assert gap_words(TraceCoverage(0.1, 0, 2), is_body_known=False) == "widest gap: 2 bins"
