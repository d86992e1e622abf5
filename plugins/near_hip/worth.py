"""Quality of a trained network on held-out slices, and the notes about it."""

import math
from dataclasses import dataclass

from marview.text import count, translatable

from .patient import Patient


@dataclass(frozen=True)
class Errors:
    """In the trace of slices held out, as a share of linear interpolation's; infinite where there is none.

    Attributes:
        after: error with what was learned.
        of_taught: of what it began with.
        of_start: of the completion that it corrects.
    """

    after: float
    of_taught: float
    of_start: float

    @property
    def least(self) -> float:
        """Of the three."""
        return min(self.after, self.of_taught, self.of_start)


def lesson(parts: tuple[Patient, ...], held_out: tuple[Patient, ...], *, masks: int, spent: str, errors: Errors) -> str:
    """The training slices of a network and its quality.

    Args:
        parts: what was learned from, by scan.
        held_out: what was not.
        masks: so many masks of metal there were.
        spent: steps and minutes.
        errors: what is measured; the least of them is used.
    """
    of = translatable("this scan") if len(parts) == 1 else translatable(f"{len(parts)} scans")
    has_taught, has_start = math.isfinite(errors.of_taught), math.isfinite(errors.of_start)
    slices, drawn, scan = count(sum(len(one.clean_mu) for one in parts), "slice"), count(masks, "mask"), parts[0].scan
    words = translatable(
        f"It learned from {slices} of {of} without metal and {drawn} of metal: {spent}, {scan.size_px} x "
        f"{scan.size_px} pixels, {scan.views} views"
    )
    words += translatable(", after what other people's slices had taught it") if has_taught else ""
    words += ". "
    if math.isinf(errors.after):
        words += translatable("That was too short to learn anything")
    else:
        unseen = count(sum(len(one.clean_mu) for one in held_out), "slice") if held_out else ""
        where = (
            translatable(f"{unseen} it did not learn from")
            if unseen
            else translatable("those slices, as there are no others,")
        )
        words += translatable(
            f"In metal put into {where} its error in the trace is {errors.after:.0%} of linear interpolation's"
        )
        words += translatable(f", {errors.of_taught:.0%} before") if has_taught else ""
        words += translatable(f", {errors.of_start:.0%} for the completion it corrects") if has_start else ""
        words += "."
        if errors.after == errors.least:
            worse = translatable("That is worse: let it learn longer, or choose a start.")
            return words if errors.after < 1 else f"{words} {worse}"
        words += f" {translatable('That is no gain')}"
    if errors.of_taught == errors.least:
        return words + translatable(", so the network was left as it had been and knows nothing of this patient") + "."
    left_out = translatable(
        ", so it was left out and the trace holds the completion it would correct; let it learn longer"
    )
    return f"{words}{left_out}."
