"""Choose the series of a study to correct."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from marview.dicom.check import check
from marview.dicom.report import SeriesReport
from marview.dicom.series import Series
from marview.errors import UsageError

RULE = (
    "marview corrects one series of each study: an axial CT volume that is not derived and not a scout. "
    "If several qualify, it corrects the one with the {order}."
)
_WORDS = {"thin": "thinnest slices", "soft": "softest kernel", "many": "most slices"}

_AXIAL = 0.8
"""Smallest cosine between the slice normal and the patient's long axis: within 37 degrees."""

_SHARP_WORDS = re.compile(r"sharp|bone|lung|edge|hard|detail|inner ?ear|hrct", re.IGNORECASE)
_SOFT_WORDS = re.compile(r"soft|standard|stnd|smooth|body|brain|abdomen|mediastin", re.IGNORECASE)
_SHARPNESS = re.compile(r"[A-Za-z]{1,2}([0-9]{2})[a-z]?")


@dataclass(frozen=True)
class SelectionRule:
    """Rule for choosing one series of a study.

    Attributes:
        order: criteria in order of preference: "thin", "soft" and "many".
        description: regular expression that the series description must contain; case does not matter.
        takes_derived: whether derived series qualify.
    """

    order: tuple[str, ...] = ("thin", "soft", "many")
    description: str = ""
    takes_derived: bool = False

    def __post_init__(self) -> None:
        if not self.order or set(self.order) - set(_WORDS):
            raise UsageError(f"--prefer accepts only {', '.join(_WORDS)}; {','.join(self.order)} is invalid.")
        try:
            re.compile(self.description)
        except re.error as why:
            raise UsageError(
                f"--description must be a regular expression; {self.description!r} is not one ({why})."
            ) from None

    @property
    def words(self) -> str:
        """Describe the rule in a sentence."""
        rule = RULE.format(order=", then the ".join(_WORDS[name] for name in self.order))
        return rule + (f" The series description must match {self.description!r}." if self.description else "")


@dataclass(frozen=True, eq=False)
class Choice:
    """Choice of a series to correct.

    Attributes:
        series: chosen series; None if no series qualifies.
        report: report on the chosen series; None if no series qualifies.
        reason: why no series qualifies; empty if a series was chosen.
        is_damaged: whether part of the chosen series cannot be read; if no series was chosen, whether
            part of any checked series cannot be read.
    """

    series: Series | None
    report: SeriesReport | None
    reason: str = ""
    is_damaged: bool = False


def choose_series(
    study: Sequence[Series], rule: SelectionRule, judge: Callable[[Series], SeriesReport] = check
) -> Choice:
    """Choose the series of a study to correct.

    Args:
        study: series of the study.
        rule: rule for choosing the series.
        judge: function that checks a series and returns its report.
    """
    reasons: list[str] = []
    damaged = False
    fitting: list[tuple[tuple[float, ...], int, Series, SeriesReport]] = []
    for position, series in enumerate(study):
        reason, report = _unfit(series, rule), None
        if not reason:
            report = judge(series)
            reason = "" if report.is_volume else report.reason
            damaged |= report.is_damaged
        if reason or report is None:
            reasons.append(reason)
        else:
            fitting.append((tuple(_CRITERIA[name](series, report) for name in rule.order), position, series, report))
    if not fitting:
        found = "; ".join(reason.removesuffix(".") for reason in dict.fromkeys(reasons))
        return Choice(None, None, f"No series qualifies: {found}.", is_damaged=damaged)
    _, _, series, report = min(fitting, key=lambda each: each[:2])
    return Choice(series, report, is_damaged=report.is_damaged)


def is_derived(series: Series) -> bool:
    """Return whether a series is marked as derived from other images."""
    return bool(series.slices) and series.slices[0].image_type[:1] == ("DERIVED",)


def _unfit(series: Series, rule: SelectionRule) -> str:
    """Return the reason why the header excludes a series, or an empty string if it does not."""
    if series.nifti is not None:
        return ""
    first = series.slices[0]
    if first.modality != "CT":
        return f"it is {first.modality or 'of no modality'}, not CT."
    if first.is_scout:
        return "it is a scout."
    if is_derived(series) and not rule.takes_derived:
        return "it is already derived from other images."
    if first.orientation is not None:
        normal = np.cross(first.orientation[:3], first.orientation[3:])
        if abs(float(normal[2])) < _AXIAL:
            return "it is not axial."
    if rule.description and not re.search(rule.description, first.series_description, re.IGNORECASE):
        return "its description does not match."
    return ""


def _thin(_: Series, report: SeriesReport) -> float:
    assert report.stack is not None
    return round(report.stack.grid.spacing_mm[0], 2)


def _soft(series: Series, _: SeriesReport) -> float:
    """Return the sharpness of a kernel from its name (B30f, Br40, FC08 or a word); medium if unknown."""
    kernel = dict(series.slices[0].phase).get("kernel", "") if series.slices else ""
    words = f"{kernel} {series.description}"
    number = _SHARPNESS.search(kernel)
    if _SHARP_WORDS.search(words):
        return 90.0
    if number is not None:
        return float(number.group(1))
    return 30.0 if _SOFT_WORDS.search(words) else 50.0


def _many(_: Series, report: SeriesReport) -> float:
    assert report.stack is not None
    return -float(report.stack.grid.shape[0])


_CRITERIA: dict[str, Callable[[Series, SeriesReport], float]] = {"thin": _thin, "soft": _soft, "many": _many}
