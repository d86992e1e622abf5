"""The correction that `batch` and `watch` apply to every study."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from marview.batch.intake import Intake
from marview.batch.selection import SelectionRule
from marview.commands.correction import Correction
from marview.commands.metal import MaskChoice
from marview.commands.settings import parse_settings
from marview.export import Format
from marview.mar import discover, find_usable


@dataclass(frozen=True)
class Order:
    """The correction to apply to every study.

    Attributes:
        method: identifier of the method.
        settings: parameters of the method, as NAME=VALUE.
        threshold_hu: HU above which a voxel is metal; None to find the metal automatically.
        margin_mm: margin of the metal mask; a positive margin grows the mask, a negative one shrinks it.
        device: "auto", "cpu" or "cuda".
        format_: file format of the corrected slices: "dicom", "nifti" or "png".
        across_gaps: whether to correct series with missing slices.
        rule: rule for choosing the series of a study.
        classes: number of k-means classes; the densest class is metal.
        restores_cut_off: whether to estimate the HU of clipped dark streaks before the method runs.
    """

    method: str
    settings: tuple[str, ...] = ()
    threshold_hu: float | None = None
    margin_mm: float = 0.0
    device: str = "auto"
    format_: str = "dicom"
    across_gaps: bool = False
    rule: SelectionRule = field(default_factory=SelectionRule)
    classes: int | None = None
    restores_cut_off: bool = True

    def correction(self) -> Correction:
        """Return the correction to apply to the chosen series of a study.

        Raises:
            UsageError: the method or a parameter is unknown.
        """
        find_usable(self.method, discover())
        return Correction(
            method=self.method,
            parameters=parse_settings(self.settings),
            choice=MaskChoice(threshold_hu=self.threshold_hu, classes=self.classes, margin_mm=self.margin_mm),
            device=self.device,
            format_=Format(self.format_),
            is_across_gaps=self.across_gaps,
            restores_cut_off=self.restores_cut_off,
            is_one_of_many=True,
        )

    def intake(self, output: Path | None = None) -> Intake:
        """Return the `Intake` that finds the studies to correct, excluding the folder `output`."""
        return Intake(self.rule, self.across_gaps, self.format_ == Format.DICOM, output)

    def record(self) -> dict[str, Any]:
        """Return the options to store in the job table.

        Options that older versions of marview did not have are left out if they have their default values, so
        that job tables of these versions can be resumed.
        """
        known = asdict(self) | {"rule": asdict(self.rule)}
        unset = {"classes": None, "restores_cut_off": True}
        return {name: value for name, value in known.items() if name not in unset or value != unset[name]}
