"""Check a series: list findings, and decide whether it opens fully, for viewing only, or not at all."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from marview.dicom.codec import COMPRESSED, LOSSY, MOST_RLE_EXPANSION, NATIVE, RLE
from marview.dicom.header import DEFLATED, LARGEST_SLICE_PIXELS, SliceHeader
from marview.dicom.mixtures import lack_place, mixtures
from marview.dicom.odd_headers import odd_headers, other_values
from marview.dicom.pixels import native_bytes, stored_values
from marview.dicom.plausible import ONLY_VIEWED, size_findings
from marview.dicom.quiet import quiet
from marview.dicom.report import GET_AGAIN, Finding, Kind, Outcome, SeriesReport, Stack
from marview.dicom.series import Series
from marview.dicom.split import SEVERAL_PATIENTS
from marview.dicom.stack import arrange, distances_mm, loose, same_place_mm
from marview.errors import BadInput
from marview.text import listing, translatable

_LARGEST_SLOPE_HU, _LARGEST_INTERCEPT_HU, _SMALLEST_RANGE_HU = 1000.0, 1e6, 1e-3
"""Limits of the rescale slope; beyond them, stored values are too coarse for tissue, or their range excludes tissue."""


def check(series: Series) -> SeriesReport:
    """Check a series using its headers; pixels are read only from slices that share a position or a UID."""
    if series.nifti is not None:
        from marview.dicom.nifti import check_nifti

        return check_nifti(series.nifti)
    findings: list[Finding] = []
    usable, damaged = [], []
    for header in series.slices:
        wrong = _unusable(header)
        if wrong is None:
            usable.append(header)
        else:
            damaged.append(header)
            findings.append(wrong)
    if not usable:
        return SeriesReport(tuple(_refusal(finding) for finding in _shorten(findings)), None)
    findings = _shorten(findings) + _of_the_whole(series, usable)
    if any(finding.outcome == Outcome.VIEWS for finding in findings):
        return SeriesReport(tuple(findings), loose(usable))
    with quiet():
        kept, unclear, pairs = _one_per_place(usable)
    findings += pairs
    if any(finding.outcome == Outcome.VIEWS for finding in pairs):
        return SeriesReport(tuple(findings), loose(usable))
    places = [header for header in damaged if header.position_mm is not None and header.orientation is not None]
    stack, geometry = _arrange_around(kept, unclear + [header for header in places if _is_elsewhere(header, kept)])
    sizes = size_findings(stack.grid, "the series")
    return SeriesReport((*findings, *geometry, *sizes), stack)


def _refusal(finding: Finding) -> Finding:
    """Return the finding on every slice as a refusal that says what to do."""
    says_what_to_do = finding.kind in {Kind.MULTI_FRAME, Kind.FLOAT_PIXELS}
    sentence = finding.sentence if says_what_to_do else f"{finding.sentence} {GET_AGAIN}"
    return replace(finding, sentence=sentence, outcome=Outcome.REFUSES)


def _arrange_around(kept: list[SliceHeader], damaged: list[SliceHeader]) -> tuple[Stack, list[Finding]]:
    """Arrange all slices, then remove the damaged ones, whose gap already has a finding."""
    stack, findings = arrange([*kept, *damaged])
    out = set(map(id, damaged))
    return Stack(tuple(None if id(header) in out else header for header in stack.slices), stack.grid), findings


def _is_elsewhere(header: SliceHeader, kept: Sequence[SliceHeader]) -> bool:
    distance, places = distances_mm([kept[0], header])[1], distances_mm(kept)
    return bool(np.abs(places - distance).min() > same_place_mm(places))


def _unusable(header: SliceHeader) -> Finding | None:
    """Return the reason why a slice cannot be used, according to its header, or None if it can."""
    name = header.name
    if header.transfer_syntax not in NATIVE | COMPRESSED:
        return Finding(
            Kind.UNKNOWN_SYNTAX,
            f"{name} is in the transfer syntax {header.transfer_syntax}, which marview cannot read.",
        )
    if header.rows * header.columns > LARGEST_SLICE_PIXELS:
        return Finding(
            Kind.TOO_LARGE,
            f"{name} is larger than a CT slice can be: its header gives {header.rows} x {header.columns} pixels.",
        )
    if header.frames > 1:
        return Finding(
            Kind.MULTI_FRAME, f"{name} contains {header.frames} frames in one file; export them as single slices."
        )
    if header.has_float_pixels:
        return Finding(
            Kind.FLOAT_PIXELS,
            f"{header.name} stores its image as Float Pixel Data, which marview cannot read. Export it with integer "
            "pixel values.",
        )
    if header.bits_allocated not in {8, 16, 32} or not 1 <= header.bits_stored <= header.bits_allocated:
        bits = f"{header.bits_stored} of {header.bits_allocated} bits"
        return Finding(Kind.DAMAGED, f"{name} stores its pixels in {bits}, which is not valid.")
    if header.slope is not None and not _is_usable_slope(header.slope, header.bits_stored):
        return Finding(Kind.BAD_RESCALE, f"{name} has a rescale slope of {header.slope:g}, so its HU are unknown.")
    if header.intercept is not None and not abs(header.intercept) <= _LARGEST_INTERCEPT_HU:
        return Finding(
            Kind.BAD_RESCALE, f"{name} has a rescale intercept of {header.intercept:g}, so its HU are unknown."
        )
    return _truncated(header)


def _is_usable_slope(slope: float, bits_stored: int) -> bool:
    """Return whether a slope is finite and yields HU that resolve tissue."""
    return abs(slope) <= _LARGEST_SLOPE_HU and abs(slope) * 2**bits_stored >= _SMALLEST_RANGE_HU


def _truncated(header: SliceHeader) -> Finding | None:
    if header.pixel_offset is None:
        return Finding(Kind.DAMAGED, f"{header.name} is truncated: it ends before its image.")
    if header.transfer_syntax not in NATIVE:
        return _bomb(header)
    if _has_more_rows(header):
        return Finding(
            Kind.DAMAGED,
            f"{header.name} contains {header.pixel_length} bytes of pixels, but {header.rows} x {header.columns} "
            f"pixels require {native_bytes(header)}, so the image layout is unknown.",
        )
    if header.transfer_syntax == DEFLATED:
        return None
    there = min(header.pixel_length, header.source.size - header.pixel_offset)
    if header.pixel_length >= 0 and there < native_bytes(header):
        return Finding(
            Kind.DAMAGED,
            f"{header.name} is truncated: it contains {max(there, 0)} of the {native_bytes(header)} bytes of its "
            "image.",
        )
    if header.pixel_length - there >= native_bytes(header) // max(header.rows, 1):
        return Finding(
            Kind.DAMAGED,
            f"{header.name} is damaged: its header gives {header.pixel_length} bytes of pixels, but the file ends "
            f"after {there}.",
        )
    return None


def _bomb(header: SliceHeader) -> Finding | None:
    """Return a finding if run-length encoded data cannot have the declared size, before memory is allocated for it."""
    packed = header.source.size - (header.pixel_offset or 0)
    if header.transfer_syntax != RLE or native_bytes(header) <= MOST_RLE_EXPANSION * packed:
        return None
    return Finding(Kind.DAMAGED, f"{header.name} is truncated: {packed} bytes are too few for its compressed image.")


def _has_more_rows(header: SliceHeader) -> bool:
    """Return whether the pixel data contain at least one more row than the image."""
    if header.pixel_offset is None or _excess(header) < native_bytes(header) // max(header.rows, 1):
        return False
    return header.pixel_offset + header.pixel_length <= header.source.size or header.transfer_syntax == DEFLATED


def _excess(header: SliceHeader) -> int:
    """Return the number of bytes that follow the image in the pixel data; 0 if it is only a padding byte."""
    excess = header.pixel_length - native_bytes(header)
    return excess if excess > 1 else 0


def _trailing(slices: Sequence[SliceHeader]) -> list[Finding]:
    """Return a finding if nonzero bytes, less than a row, follow an image."""
    names = []
    for header in slices:
        if header.transfer_syntax in NATIVE and header.transfer_syntax != DEFLATED and _excess(header):
            end = (header.pixel_offset or 0) + header.pixel_length
            if any(header.source.head(end)[end - _excess(header) :]):
                names.append(header.name)
    if not names:
        return []
    sentence = translatable(
        f"The pixel data of {listing(names)} are longer than the image. marview read the image from the start of "
        "the data and ignored the rest. Check whether the image is shifted."
    )
    return [Finding(Kind.ODD_HEADER, sentence)]


def _shorten(findings: list[Finding]) -> list[Finding]:
    """Combine findings of the same kind into one."""
    by_kind: dict[Kind, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    return [
        Finding(kind, same[0].sentence if len(same) == 1 else f"{same[0].sentence} {_applies_to(len(same))}")
        for kind, same in by_kind.items()
    ]


def _applies_to(number: int) -> str:
    return translatable(f"This applies to {number} slices.")


def _of_the_whole(series: Series, slices: Sequence[SliceHeader]) -> list[Finding]:
    first = slices[0]
    views = Outcome.VIEWS
    findings = [Finding(Kind.DAMAGED, sentence) for sentence in series.damaged[:3]]
    findings += [Finding(Kind.PASSED_OVER, sentence) for sentence in series.passed_over]
    if series.split.endswith(SEVERAL_PATIENTS):
        sentence = translatable(
            "Slices of several patients share one series UID, so marview opened one series for each patient. Check "
            "which patient this series belongs to."
        )
        findings.append(Finding(Kind.SEVERAL_PATIENTS, sentence))
    if other := series.split.removesuffix(SEVERAL_PATIENTS).removesuffix(", "):
        findings.append(Finding(Kind.PART, f"This is one part of a mixed series ({other})."))
    if first.modality != "CT":
        findings.append(
            Finding(Kind.NOT_CT, f"This is {first.modality or 'of unknown modality'}, not CT. {ONLY_VIEWED}", views)
        )
    if first.is_scout:
        findings.append(Finding(Kind.SCOUT, f"This is a scout, not a stack of slices. {ONLY_VIEWED}", views))
    if first.samples != 1 or not first.photometric.startswith("MONOCHROME"):
        findings.append(
            Finding(Kind.COLOUR, f"The image is in colour ({first.photometric}), so it has no HU. {ONLY_VIEWED}", views)
        )
    if names := listing(header.name for header in slices if header.slope is None or header.intercept is None):
        sentence = translatable(
            f"The rescale slope or intercept of {names} is missing or unusable, so the HU are unknown. {ONLY_VIEWED}"
        )
        findings.append(Finding(Kind.NO_RESCALE, sentence, views))
    if names := listing(header.name for header in slices if header.spacing_mm is None):
        sentence = translatable(f"The pixel spacing of {names} is missing or unusable. {ONLY_VIEWED}")
        findings.append(Finding(Kind.NO_SPACING, sentence, views))
    if names := listing(header.name for header in lack_place(slices)):
        sentence = translatable(f"The position or orientation of {names} is missing or unusable. {ONLY_VIEWED}")
        findings.append(Finding(Kind.NO_POSITION, sentence, views))
    findings += other_values(slices) + mixtures(slices) + _trailing(slices)
    if any(header.is_lossy or (header.transfer_syntax in LOSSY and not _is_j2k(header)) for header in slices):
        findings.append(Finding(Kind.LOSSY, "The images were lossily compressed: HU are approximate."))
    if not all(header.sop_uid and header.series_uid and header.study_uid for header in slices):
        findings.append(
            Finding(
                Kind.NO_UID,
                "Not every file has all three UIDs (study, series, SOP instance), so DICOM export is not possible.",
            )
        )
    elif not first.frame_of_reference_uid:
        sentence = translatable("The files have no frame of reference. marview writes a new one when it exports DICOM.")
        findings.append(Finding(Kind.NO_UID, sentence, Outcome.OPENS))
    return findings + odd_headers(slices)


def _is_j2k(header: SliceHeader) -> bool:
    return header.transfer_syntax.endswith((".91", ".203"))


def _one_per_place(
    slices: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[SliceHeader], list[Finding]]:
    """Return the slices without different images that share a position, and findings about the removed slices."""
    distance = distances_mm(slices)
    order, same_mm = np.argsort(distance, kind="stable"), same_place_mm(distance)
    groups: list[list[SliceHeader]] = []
    last = -math.inf
    for at in order:
        if distance[at] - last <= same_mm and groups:
            groups[-1].append(slices[at])
        else:
            groups.append([slices[at]])
            last = distance[at]
    kept: list[SliceHeader] = []
    unclear: list[SliceHeader] = []
    findings: list[Finding] = []
    for group in groups:
        if len(group) == 1 or len({_digest(header) for header in group}) == 1:
            kept.append(group[0])
            if len(group) > 1:
                sentence = translatable(
                    f"{listing(h.name for h in group)} are copies of one slice; one of them is shown."
                )
                findings.append(Finding(Kind.DUPLICATE, sentence))
            continue
        unclear.append(group[0])
        is_one_uid = len({header.own_uid for header in group}) == 1 and group[0].own_uid != ""
        kind, what = (
            (Kind.SAME_UID, translatable("the same UID"))
            if is_one_uid
            else (Kind.SAME_POSITION, translatable("the same position"))
        )
        names = listing(header.name for header in group)
        findings.append(Finding(kind, f"{names} have {what} but different images, so marview shows none of them."))
    if len(unclear) > len(groups) // 2:
        sentence = translatable(
            f"{names} have {what} but different images. This applies to most slices, so the series is not a volume. "
            f"{ONLY_VIEWED}"
        )
        return [], unclear, [Finding(Kind.NOT_A_VOLUME, sentence, Outcome.VIEWS)]
    uids = Counter(header.own_uid for header in kept if header.own_uid)
    for uid in [uid for uid, number in uids.items() if number > 1]:
        names = listing(header.name for header in kept if header.own_uid == uid)
        findings.append(Finding(Kind.SAME_UID, f"{names} have the same UID but are at different positions."))
    return kept, unclear, _shorten(findings)


def _digest(header: SliceHeader) -> bytes:
    try:
        return hashlib.sha256(np.ascontiguousarray(stored_values(header)).tobytes()).digest()
    except BadInput:
        return header.name.encode("utf-8", "replace")
