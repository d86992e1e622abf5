"""Findings on unusual header values: identifiers, dates, numbers, and units other than HU."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from marview.dicom.header import SliceHeader
from marview.dicom.plausible import ONLY_VIEWED
from marview.dicom.report import Finding, Kind, Outcome
from marview.dicom.values import is_date
from marview.text import listing, translatable

_DATES = {
    "study_date": translatable("study date"),
    "series_date": translatable("series date"),
    "acquisition_date": translatable("acquisition date"),
    "content_date": translatable("content date"),
}
_UID = re.compile(r"(?=.{1,64}$)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
_HU_TYPES = frozenset({"", "HU", "HOUNSFIELD", "HOUNSFIELDS", "HOUNSFIELDUNIT", "HOUNSFIELDUNITS", "HNSFU"})
"""Ways to write HU in Rescale Type, without spaces and punctuation; HNSFU is [hnsf'U] of UCUM."""
_NO_LETTER = re.compile(r"[\s_.'\[\]()-]")
_MODIFIED_HU = "HU_MOD"
_OTHER_QUANTITIES = frozenset({"EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "MAT_SPECIFIC", "MAT_FRACTIONAL"})
"""Values of Image Type that mark multi-energy images without HU (PS3.3, C.8.15.3.1.4)."""


def odd_headers(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return findings on identifiers, dates and numbers, without quoting their values."""
    first = slices[0]
    findings = []
    if not first.patient_id:
        sentence = translatable("The files have no patient ID. Check which patient the images belong to.")
        findings.append(Finding(Kind.ODD_HEADER, sentence, Outcome.OPENS))
    findings += _missing_files(slices) + _odd_dates(slices) + _odd_uids(slices)
    signs = [header.name for header in slices if header.has_odd_sign]
    if signs:
        sentence = translatable(
            f"Pixel Representation of {listing(signs)} is neither 0 (unsigned) nor 1 (signed), so marview read the "
            "pixels "
            "as unsigned. Check the HU of air."
        )
        findings.append(Finding(Kind.BITS, sentence))
    commas = [header.name for header in slices if header.has_commas]
    if commas:
        sentence = translatable(
            f"{listing(commas)} contain numbers with a decimal comma, which marview read as a decimal point."
        )
        findings.append(Finding(Kind.ODD_HEADER, sentence))
    return findings


def _missing_files(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return a finding for each Enhanced CT object in several files if some of the files are missing."""
    findings = []
    files = {header.concatenation for header in slices if header.concatenation is not None}
    for uid in sorted({uid for uid, _, _ in files}):
        numbers = {number for other, number, _ in files if other == uid}
        expected = max(max(number, total) for other, number, total in files if other == uid)
        missing = sorted(set(range(1, expected + 1)) - numbers)
        if missing:
            what = (
                translatable("File {} of {} is missing")
                if len(missing) == 1
                else translatable("Files {} of {} are missing")
            )
            named = what.format(listing(map(str, missing)), expected)
            findings.append(
                Finding(Kind.PASSED_OVER, f"{named}, so the series is missing slices. Copy the files again.")
            )
    return findings


def _odd_dates(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return findings on dates that do not exist, or are in the future."""
    latest = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    invalid: dict[str, None] = {}
    future: dict[str, None] = {}
    for name, date in {pair: None for header in slices for pair in header.dates if pair[1]}:
        if not is_date(date):
            invalid[name] = None
        elif date.replace(".", "") > latest:
            future[name] = None
    return [
        Finding(Kind.ODD_HEADER, sentence.format(_DATES[name]), Outcome.OPENS)
        for names, sentence in (
            (invalid, translatable("The {} is not a valid date.")),
            (future, translatable("The {} is in the future.")),
        )
        for name in names
    ]


def _odd_uids(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return a finding on UIDs with characters or lengths that UIDs cannot have."""
    uids = {
        uid
        for header in slices
        for uid in (header.study_uid, header.series_uid, header.sop_uid, header.frame_of_reference_uid)
        if uid
    }
    if all(_UID.fullmatch(uid) for uid in uids):
        return []
    sentence = translatable(
        "The files have invalid UIDs (PS3.5, 9.1). marview keeps them, but an archive may reject the exported files."
    )
    return [Finding(Kind.ODD_HEADER, sentence, Outcome.OPENS)]


def other_values(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return findings on pixel values that, according to the headers, are not in HU or may be wrong."""
    for header in slices:
        other = next((value for value in header.image_type if value in _OTHER_QUANTITIES), "")
        if header.rescale_type != _MODIFIED_HU and _NO_LETTER.sub("", header.rescale_type) not in _HU_TYPES:
            what = translatable(f"gives its values in the unit {header.rescale_type} (Rescale Type)")
        elif other:
            what = translatable(f"has values of the type {other} (Image Type)")
        else:
            continue
        return [Finding(Kind.NOT_HU, f"{header.name} {what}, not HU. {ONLY_VIEWED}", Outcome.VIEWS)]
    findings = []
    inverted = [header.name for header in slices if header.slope is not None and header.slope < 0]
    if inverted:
        sentence = translatable(
            f"The rescale slope of {listing(inverted)} is negative, which is unusual for CT, so the values may be "
            "inverted. Check that air is -1000 HU."
        )
        findings.append(Finding(Kind.NOT_HU, sentence))
    if any(header.rescale_type == _MODIFIED_HU for header in slices):
        sentence = translatable(
            "The files declare that their HU values have been modified (Rescale Type HU_MOD), so thresholds and "
            "corrections may be wrong."
        )
        findings.append(Finding(Kind.NOT_HU, sentence))
    return findings
