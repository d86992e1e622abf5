"""Text of the note next to a sinogram and of the caption below it."""

from marview.geometry import SliceNumbers, TraceCoverage
from marview.session.sinogram_shown import Absence
from marview.text import count, plural, tr


def absence_words(absence: Absence | None, refusal: str) -> tuple[str, str]:
    """Return a note that explains why there is no sinogram, and its kind ("warning", "pending" or "")."""
    match absence:
        case Absence.REFUSED:
            return refusal, "warning"
        case Absence.NOT_A_VOLUME:
            return tr("not for this series"), "warning"
        case Absence.WAITS_FOR_SLICE:
            return tr("waiting for this slice"), "pending"
        case Absence.WAITS_FOR_RUN:
            return tr("waiting for the run"), "pending"
        case Absence.PROJECTING:
            return tr("projecting …"), "pending"
    return "", ""


def gap_words(coverage: TraceCoverage, *, is_body_known: bool = True) -> str:
    """Return the words that describe the gap that the metal trace leaves in a slice's sinogram."""
    gap, number = tr("widest gap: {}").format(count(coverage.largest_gap, "bin")), coverage.hidden_views
    if not is_body_known:
        return gap
    hidden = plural(number, "{} view is fully hidden by metal", "{} views are fully hidden by metal").format(number)
    return f"{gap}  ·  {hidden if number else tr('no view is fully hidden by metal')}"


def worst_words(worst: tuple[int, TraceCoverage] | None, numbers: SliceNumbers) -> str:
    """Describe the slice with the highest trace coverage."""
    if worst is None or not worst[1].fraction:
        return ""
    return tr("Worst slice {}: {:.1%}").format(numbers.number(worst[0]), worst[1].fraction)
