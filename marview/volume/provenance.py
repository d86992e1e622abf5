"""Provenance of a result: a record of how it was made, for storage in files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from marview import __version__
from marview.errors import BadInput

LONGEST_TEXT = 1024
"""Maximum length of the DICOM attribute Derivation Description."""

_WARNING = "Not for primary diagnosis; review with the uncorrected images."


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Record of how a result was made.

    Attributes:
        method_id: identifier of the method.
        method_title: title of the method.
        method_version: version of the method.
        parameters: parameters of the run.
        weights_sha256: SHA-256 of the weights; empty if the method uses none.
        mask_origin: origin of the metal mask: adaptive, threshold, painted, or a file name.
        threshold_hu: user-defined threshold in HU; None if the mask was made in another way.
        margin_mm: margin of the mask in mm; positive for a grown mask, negative for a shrunken one.
        device: device of the run.
        seconds: duration of the run.
        application_version: version of marview.
        time: time of the run, ISO 8601 with time zone.
        restored_slices: number of slices in which clipped dark streaks were restored before the correction.
        restores_cut_off: whether the restoration of clipped dark streaks was switched on.
        notes: notes for the reader of the result; they are part of the record, but not included in `text`.
    """

    method_id: str
    method_title: str
    method_version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    mask_origin: str
    threshold_hu: float | None = None
    margin_mm: float = 0.0
    device: str
    seconds: float
    application_version: str
    time: str
    restored_slices: int = 0
    restores_cut_off: bool = True
    notes: tuple[str, ...] = ()

    @classmethod
    def of_run(
        cls,
        report: Mapping[str, Any],
        *,
        mask_origin: str,
        margin_mm: float,
        threshold_hu: float | None = None,
        time: str = "",
    ) -> "Provenance":
        """Create the record of a run.

        Args:
            report: report of the worker.
            mask_origin: origin of the metal mask.
            margin_mm: margin of the mask in mm.
            threshold_hu: user-defined threshold in HU; None if the mask was made in another way.
            time: time of the run, ISO 8601 with time zone; empty for the current time.
        """
        return cls(
            method_id=report["method"],
            method_title=report["title"],
            method_version=report["version"],
            parameters=report.get("parameters", {}),
            weights_sha256=" ".join(each["sha256"] for each in report.get("weights", ())),
            mask_origin=mask_origin,
            threshold_hu=threshold_hu,
            margin_mm=margin_mm,
            device=str(report.get("device", "")),
            seconds=float(report.get("seconds", 0.0)),
            application_version=__version__,
            time=time or datetime.now(UTC).isoformat(timespec="seconds"),
            restored_slices=len(report.get("slices_restored", ())),
            restores_cut_off=bool(report.get("restore_cut_off", True)),
            notes=tuple(map(str, report.get("notes", ()))),
        )

    def settings(self, equals: str = "=") -> str:
        """Return the parameters and the preprocessing steps in one line; `equals` separates names from values."""
        given = [f"{name}{equals}{value}" for name, value in self.parameters.items()]
        if self.restored_slices:
            noun = "slice" if self.restored_slices == 1 else "slices"  # `count` would use the language of the window
            given.append(f"clipped streaks restored in {self.restored_slices} {noun}")
        elif not self.restores_cut_off:
            given.append("restoration of clipped streaks switched off")
        return ", ".join(given)

    def text(self) -> str:
        """Return the record as text of at most 1024 characters; long parameters are shortened."""
        head = f"{self.method_title} {self.method_version} ({self.method_id})."
        weights = f" Weights {self.weights_sha256[:12]}." if self.weights_sha256 else ""
        tail = (
            f" Metal mask: {self._mask()}."
            f" {self.device}, {self.seconds:.1f} s, marview {self.application_version}, {self.time}. {_WARNING}"
        )
        room = LONGEST_TEXT - len(head) - len(weights) - len(tail)
        if room < 0:
            return (head + weights + tail)[: LONGEST_TEXT - len(_WARNING) - 5] + " ... " + _WARNING
        given = self.settings(" = ")
        parameters = f" Parameters: {given}." if given else ""
        if len(parameters) > room:
            parameters = parameters[: room - 5] + " ..." if room > len(" Parameters: ") + 10 else ""
        return head + parameters + weights + tail

    def _mask(self) -> str:
        """Describe the origin, threshold and margin of the mask."""
        known = [self.mask_origin]
        if self.threshold_hu is not None and f"above {self.threshold_hu:g} HU" not in self.mask_origin:
            known.append(f"above {self.threshold_hu:.0f} HU")
        if (margin := f"margin {self.margin_mm:+g} mm") not in self.mask_origin:
            known.append(margin)
        return ", ".join(known)

    def to_json(self) -> str:
        """Return the record as a JSON object."""
        return json.dumps({**asdict(self), "parameters": dict(self.parameters)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Provenance":
        """Read a record written by `to_json`.

        Raises:
            BadInput: the text is not a record written by `to_json`.
        """
        try:
            record = json.loads(text)
            known = {item.name for item in fields(cls)}
            given = {name: value for name, value in record.items() if name in known}
            return cls(**given | {"notes": tuple(given.get("notes", ()))})
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput("This is not a record of a correction. Choose a file that marview wrote.") from error
