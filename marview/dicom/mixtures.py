"""Findings on series that mix slices with different settings, in blocks or alternating."""

from collections.abc import Sequence

import numpy as np

from marview.dicom.header import SliceHeader
from marview.dicom.interleaved import by, stacks_in, take_turns
from marview.dicom.report import Finding, Kind
from marview.dicom.stack import distances_mm
from marview.text import listing, translatable

_MOST_PASSES, _FEWEST_OF_PASSES = 4, 6
_MOST_THICKNESS_RATIO = 1.25
_SETTINGS = {
    "tube_current": translatable("tube current"),
    "exposure": translatable("exposure"),
    "filter": translatable("filter type"),
    "field_of_view": translatable("reconstruction diameter"),
    "scan_options": translatable("scan mode"),
    "contrast_agent": translatable("contrast agent"),
    "protocol": translatable("protocol"),
    "series_description": translatable("series description"),
    "series_time": translatable("series time"),
    "exposure_time": translatable("exposure time"),
    "table_height": translatable("table height"),
    "algorithm": translatable("reconstruction algorithm"),
    "patient_position": translatable("patient position"),
    "focal_spot": translatable("focal spot"),
    "collection_diameter": translatable("data collection diameter"),
    "rotation_time": translatable("rotation time"),
    "collimation": translatable("collimation"),
    "pitch": translatable("spiral pitch"),
}
_MOST_VALUES = 3
"""Largest number of values that can alternate; a tube current adapted to the patient has more values."""


def mixtures(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return findings on slices with different settings that `split` keeps in one series."""
    findings = []
    for tag, name in (
        ("kernel", translatable("reconstruction kernels")),
        ("tube_voltage", translatable("tube voltages (kV)")),
    ):
        values = sorted({dict(header.phase).get(tag, "") for header in slices} - {""})
        if len(values) > 1:
            sentence = translatable(
                f"The slices were acquired with different {name}: {listing(values)}. HU of the same tissue may differ "
                "from slice to slice."
            )
            findings.append(Finding(Kind.MIXED, sentence))
    thickness = [header.thickness_mm for header in slices if header.thickness_mm and header.thickness_mm > 0]
    if thickness and max(thickness) > _MOST_THICKNESS_RATIO * min(thickness):
        sentence = translatable(f"The slice thickness varies from {min(thickness):g} to {max(thickness):g} mm.")
        findings.append(Finding(Kind.MIXED, sentence))
    return findings + _turns(slices) + _passes(slices)


def _passes(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return a finding if the instance numbers cover the same range several times, as in merged acquisitions."""
    numbers = {header.instance for header in slices}
    if None in numbers or len(numbers) < max(len(slices), _FEWEST_OF_PASSES) or lack_place(slices):
        return []
    along = distances_mm(sorted(slices, key=lambda header: header.instance or 0))
    steps = np.diff(along)
    back = np.flatnonzero(steps * np.sign(np.median(steps)) < 0)
    runs = np.split(along, back + 1)
    spans = [float(np.ptp(run)) for run in runs]
    if not 2 <= len(runs) <= _MOST_PASSES or min(map(len, runs)) < 3 or min(spans) < 0.5 * float(np.ptp(along)):
        return []
    sentence = translatable(
        f"The slice numbers run through the same range {len(runs)} times, so the series may contain {len(runs)} "
        "interleaved acquisitions."
    )
    return [Finding(Kind.MIXED, sentence)]


def _turns(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return a finding if a setting alternates between slices; omit its values, which may identify the patient."""
    settings = {id(header): dict(header.settings) for header in slices}
    for tag, name in _SETTINGS.items():
        stacks = stacks_in(by(slices, lambda header, tag=tag: settings[id(header)].get(tag)))  # type: ignore[misc]
        if 2 <= len(stacks) <= _MOST_VALUES and take_turns(stacks):
            sentence = translatable(
                f"The {name} alternates from slice to slice, so the series may contain interleaved acquisitions."
            )
            return [Finding(Kind.MIXED, sentence)]
    return []


def lack_place(slices: Sequence[SliceHeader]) -> list[SliceHeader]:
    """Return the slices without a usable position or orientation."""
    return [header for header in slices if header.position_mm is None or header.orientation is None]
