"""What was done to a volume, as a record and as text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from marview import __version__
from marview.errors import BadInput

LONGEST_TEXT = 1024
"""What DICOM's Derivation Description holds, in characters."""

_WARNING = "Not for primary diagnosis; review with the uncorrected images."


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a result came to be.

    Attributes:
        method_id: identifier of the method.
        method_title: its name for people.
        method_version: its version.
        parameters: what it was run with.
        weights_sha256: SHA-256 of the weights that were used; empty where none were.
        mask_origin: how the metal mask was made: adaptive, threshold, painted, the name of a file.
        threshold_hu: the threshold behind it; None where there is none.
        margin_mm: by how much the mask was grown (+) or shrunk (-).
        device: what it ran on.
        seconds: how long.
        application_version: application version of marview.
        time: when, ISO 8601 with time zone.
        restored_slices: number of slices in which dark streaks that the file cut off were restored first.
        notes: what a reader of the result should know, sentences; for the record, too long for the text.
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
        """The record of a run.

        Args:
            report: what the worker reports of it.
            mask_origin: how the metal mask was made.
            margin_mm: its margin.
            threshold_hu: the threshold behind it.
            time: when, ISO 8601 with time zone; now where empty.
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
            notes=tuple(map(str, report.get("notes", ()))),
        )

    def settings(self, equals: str = "=") -> str:
        """Parameters of the method and what was done before it ran, in one line."""
        given = [f"{name}{equals}{value}" for name, value in self.parameters.items()]
        if self.restored_slices:
            given.append(f"cut-off streaks restored in {self.restored_slices} slices")
        return ", ".join(given)

    def text(self) -> str:
        """The record for people, at most 1024 characters: parameters are cut where it would be longer."""
        threshold = "" if self.threshold_hu is None else f", above {self.threshold_hu:.0f} HU"
        head = f"{self.method_title} {self.method_version} ({self.method_id})."
        weights = f" Weights {self.weights_sha256[:12]}." if self.weights_sha256 else ""
        tail = (
            f" Metal mask: {self.mask_origin}{threshold}, margin {self.margin_mm:+g} mm."
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

    def to_json(self) -> str:
        """The record as a JSON object."""
        return json.dumps({**asdict(self), "parameters": dict(self.parameters)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Provenance":
        """Read what `to_json` wrote.

        Raises:
            BadInput: it is no such record.
        """
        try:
            record = json.loads(text)
            known = {item.name for item in fields(cls)}
            given = {name: value for name, value in record.items() if name in known}
            return cls(**given | {"notes": tuple(given.get("notes", ()))})
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInput(
                f"This is no record of what was done ({error}): choose a file that marview wrote."
            ) from error
