"""Selection of the series to correct."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marview.batch.selection import SelectionRule, choose_series
from marview.dicom import scan
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.series import Series
from marview.errors import UsageError
from marview.geometry import Grid

RULE = SelectionRule()


@dataclass(frozen=True)
class Made:
    folder: Path

    def __call__(self, name: str, step_mm: float = 3.0, count: int = 5, **labels: Any) -> Series:
        hu = np.zeros((count, 16, 16), np.int16)
        words = Labels("TEST^ONE", "T1", "Study", name, **labels)
        grid = Grid.from_spacing(hu.shape, (step_mm, 1.0, 1.0))
        write_ct_series(hu, grid, self.folder / name, words, seed=name, study_seed="study")
        (series,) = scan(self.folder / name).series
        return series


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def header(series: Series, **changes: Any) -> Series:
    return replace(series, slices=tuple(replace(each, **changes) for each in series.slices))


def test_the_thinnest_series_wins(made: Made) -> None:
    thick, thin = made("thick", 5.0), made("thin", 1.0)
    assert choose_series([thick, thin], RULE).series is thin


@pytest.mark.parametrize(
    ("soft", "sharp"), [("B30f", "B70f"), ("Br40", "Br64"), ("STANDARD", "BONE"), ("FC08", "FC52")]
)
def test_the_soft_kernel_wins_among_equally_thin_series(made: Made, soft: str, sharp: str) -> None:
    second, first = made("second", kernel=sharp), made("first", kernel=soft)
    assert choose_series([second, first], RULE).series is first


def test_the_order_of_the_criteria_can_be_changed(made: Made) -> None:
    thin, soft = made("thin", 1.0, kernel="B70f"), made("soft", 3.0, kernel="B30f")
    assert choose_series([thin, soft], RULE).series is thin
    assert choose_series([thin, soft], SelectionRule(order=("soft", "thin"))).series is soft


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"modality": "MR"}, "not CT"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "scout"),
        ({"image_type": ("DERIVED", "SECONDARY", "AXIAL")}, "derived"),
        ({"orientation": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)}, "not axial"),
    ],
)
def test_series_that_do_not_qualify_are_named(made: Made, changes: dict[str, Any], reason: str) -> None:
    choice = choose_series([header(made("one"), **changes)], RULE)
    assert choice.series is None
    assert reason in choice.reason


def test_derived_series_qualify_on_request(made: Made) -> None:
    derived = header(made("one"), image_type=("DERIVED", "SECONDARY", "AXIAL"))
    assert choose_series([derived], SelectionRule(takes_derived=True)).series is derived


def test_a_description_can_be_asked_for(made: Made) -> None:
    thin, wanted = made("thin", 1.0), made("hip implant", 3.0)
    assert choose_series([thin, wanted], SelectionRule(description="HIP")).series is wanted


def test_an_impossible_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="--prefer"):
        SelectionRule(order=("thin", "pretty"))
    with pytest.raises(UsageError, match="--description"):
        SelectionRule(description="(")


def test_damage_is_distinguished_from_not_qualifying(made: Made) -> None:
    whole = made("whole")
    assert not choose_series([whole], RULE).is_damaged
    assert not choose_series([header(whole, modality="MR")], RULE).is_damaged
    for file in (made.folder / "whole").iterdir():
        file.write_bytes(file.read_bytes()[:-100])
    (cut,) = scan(made.folder / "whole").series
    choice = choose_series([cut], RULE)
    assert choice.series is None
    assert choice.is_damaged
