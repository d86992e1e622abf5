"""Masks of simulated metal, truth known, at the protocols of true size: what benchmarks/segmentation.py prints."""

import pytest

from benchmarks.segmentation import Score, scores

# The least Dice asked of every material; long screws of steel and cobalt lie in a fog that passes their own edge.
LEAST = {
    ("hip", "ti"): 0.95,
    ("hip", "ti6al4v"): 0.95,
    ("hip", "fe"): 0.95,
    ("hip", "316l"): 0.95,
    ("hip", "cocrmo"): 0.95,
    ("spine", "ti"): 0.93,
    ("spine", "ti6al4v"): 0.93,
    ("spine", "fe"): 0.88,
    ("spine", "316l"): 0.88,
    ("spine", "cocrmo"): 0.88,
    ("dental", "amalgam"): 0.8,
    ("dental", "au"): 0.8,
    ("dental", "ag"): 0.8,
    ("dental", "cocrmo"): 0.8,
    ("dental", "ti"): 0.8,
}


@pytest.fixture(scope="module")
def found() -> list[Score]:
    return list(scores(protocols=("dudonet-640",), variants=1))


@pytest.mark.slow
def test_every_material_is_found(found: list[Score]) -> None:
    known = [score for score in found if (score.kind, score.material) in LEAST]
    assert len(known) == len(LEAST)
    assert [score for score in known if score.adaptive < LEAST[score.kind, score.material]] == []


@pytest.mark.slow
def test_no_material_is_found_better_by_2000_hu(found: list[Score]) -> None:
    assert [score for score in found if score.adaptive < score.fixed] == []
