"""Compare two runs on the same series: their settings and their images."""

from dataclasses import dataclass

import numpy as np

from marview.session.result import Result
from marview.text import count, tr


@dataclass(frozen=True)
class Difference:
    """Difference between two runs."""

    what: str
    first: str
    second: str


def made_with(result: Result) -> dict[str, str]:
    """Return the settings of a run, keyed by name.

    Runs with identical settings can differ only in their random numbers.
    """
    return {
        tr("Method"): f"{tr(result.title)} {result.version}",
        tr("Weights"): result.weights_sha256[:8] or tr("none"),
        tr("Mask"): result.mask_words,
        tr("Margin"): f"{result.margin_mm:+g} mm" if result.margin_mm else "0 mm",
        tr("Slices"): count(len(result.slices), "slice"),
        tr("Device"): result.device or tr("unknown"),
        tr("Clipped streaks"): tr("restored") if result.restores_cut_off else tr("not restored"),
        **{name.replace("_", " "): str(value) for name, value in _parameters(result).items()},
    }


def differences(first: Result, second: Result) -> list[Difference]:
    """Return the differences between two runs: settings first, then the images of slices corrected by both."""
    made, also = made_with(first), made_with(second)
    names = dict.fromkeys((*made, *also))
    default = tr("default")
    found = [Difference(name, made.get(name, default), also.get(name, default)) for name in names]
    return [one for one in found if one.first != one.second] + _images(first, second)


def _parameters(result: Result) -> dict[str, object]:
    return dict(result.report.get("parameters", result.parameters))


def _images(first: Result, second: Result) -> list[Difference]:
    both = sorted(set(first.done) & set(second.done))
    if not both:
        none = tr("no slice in common")
        return [Difference(tr("Images"), none, none)]
    squares, changed, pixels = 0.0, 0, 0
    for z in both:
        apart = np.abs(first.correction_of(z) - second.correction_of(z))
        squares += float(np.square(apart, dtype=np.float64).sum())
        changed += int(np.count_nonzero(apart >= 1))
        pixels += apart.size
    rms, share = (squares / pixels) ** 0.5, 100 * changed / pixels
    words = tr("RMS difference {:.1f} HU, {:.1f} % of the pixels differ by 1 HU or more").format(rms, share)
    return [Difference(tr("Images, {}").format(count(len(both), "slice")), words, "")]
