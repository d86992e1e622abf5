"""Settings of a sweep, and a check of the memory that it needs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries, open_series
from marview.errors import BadInput, UsageError
from marview.mar.sweep_plan import Variant, plan
from marview.text import tr

MOST_BYTES = 1_500_000_000
"""Memory limit for the variants of a sweep in bytes."""

_BYTES_A_PIXEL = 3
"""Bytes per voxel of a variant: two for the HU and one for the mask."""


@dataclass(frozen=True)
class SweepChoice:
    """Settings of a sweep.

    Attributes:
        methods: identifiers of the methods.
        margins: margins; positive grows the mask, negative shrinks it.
        unit: unit of the margins, either mm or px (pixels within the slice).
        thresholds_hu: thresholds in HU, one mask per threshold; empty to use the current mask.
        slices: z indices of the first and last slice; None for all slices with metal.
    """

    methods: tuple[str, ...]
    margins: tuple[float, ...] = (-1.0, 0.0, 1.0, 2.0)
    unit: Literal["mm", "px"] = "mm"
    thresholds_hu: tuple[float, ...] = ()
    slices: tuple[int, int] | None = None

    def variants(self) -> tuple[Variant, ...]:
        """Return all variants of the sweep.

        Raises:
            UsageError: the settings do not yield any variants.
        """
        if not self.methods:
            raise UsageError(tr("No method is chosen: choose at least one to sweep."))
        return plan(
            self.methods,
            margins_mm=self.margins if self.unit == "mm" else (),
            margins_px=self.margins if self.unit == "px" else (),
            thresholds_hu=self.thresholds_hu,
        )

    def within(self, with_metal: NDArray[np.int64]) -> tuple[int, ...]:
        """Return the indices of the chosen slices that contain metal.

        Args:
            with_metal: indices of the slices with metal, `[slice]`.

        Raises:
            UsageError: none of the chosen slices contains metal.
        """
        first, last = (0, np.inf) if self.slices is None else self.slices
        chosen = tuple(int(k) for k in with_metal if first <= k <= last)
        if not chosen:
            raise UsageError(tr("None of the chosen slices contains metal: choose others, or mark the metal first."))
        return chosen


def numbers(text: str, what: str) -> tuple[float, ...]:
    """Parse numbers separated by commas or spaces.

    Raises:
        UsageError: the text contains anything else.

    Examples:
        >>> numbers("-1, 0.5 2", "margins")
        (-1.0, 0.5, 2.0)
    """
    try:
        return tuple(float(part) for part in text.replace(",", " ").replace("−", "-").split())
    except ValueError:
        sentence = tr("Enter the {} as numbers separated by commas, such as -1, 0, 1, not '{}'.")
        raise UsageError(sentence.format(what, text)) from None


def refuse_too_large(variants: int, slices: int, shape: tuple[int, int]) -> None:
    """Refuse a sweep that would exceed the memory limit.

    Raises:
        UsageError: the sweep is too large.
    """
    size = (variants + 1) * slices * shape[0] * shape[1] * _BYTES_A_PIXEL
    if size > MOST_BYTES:
        raise UsageError(
            tr(
                "{} variants of {} slices would need {:.1f} GB of memory; the limit of a sweep is {:.1f} GB. Choose "
                "fewer slices or margins."
            ).format(variants, slices, size / 1e9, MOST_BYTES / 1e9)
        )


def known_truth(loaded: LoadedSeries) -> NDArray[np.int16] | None:
    """Return the ground truth of a demo study, int16 HU `[z, y, x]`; None for other series.

    Raises:
        BadInput: the ground truth cannot be read, or its grid differs from the grid of the series.
    """
    folder = loaded.series.path.parent
    if not (folder / "demo.json").is_file() or not (folder / "truth").is_dir():
        return None
    truth, grid = open_series(folder / "truth").volume, loaded.volume.grid
    if truth.grid.shape != grid.shape or not np.allclose(truth.grid.affine, grid.affine, atol=0.05):
        sentence = tr("{} does not match the voxel grid of the series; create the demo study again.")
        raise BadInput(sentence.format(folder / "truth"))
    return truth.hu
