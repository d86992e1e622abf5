"""Split slices that share a series UID but are not one volume."""

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import chain

from marview.dicom.header import SliceHeader
from marview.dicom.interleaved import by, groupings, groupings_of_repeats, lie_between_each_other, stacks_in, take_turns
from marview.dicom.series import Series
from marview.dicom.stack import distances_mm, same_place_mm

SEVERAL_PATIENTS = "several patients under one series UID"
SAME_DIRECTION = math.cos(math.radians(0.6))
SAME_POSITION_MM = 0.01
_SAME_SPACING = 2e-4


def split(slices: Sequence[SliceHeader], *, other_patient: int = 0) -> list[Series]:
    """Split the slices with one series UID into parts that may each form a volume.

    The slices are split by type of image (scout, modality, colour), size, pixel spacing, orientation and
    frame of reference. If positions still repeat within a part, or two sets of slices alternate, that
    part is split further by phase, trigger time, echo, kernel, tube voltage, acquisition, image type or
    acquisition time. If positions repeat, the part may also be split by other settings.

    Args:
        slices: slices with the same series UID, study and patient.
        other_patient: number of this patient, from 1, if several patients share the UID; 0 for a single
            patient.
    """
    ordered = sorted(slices, key=lambda header: (header.instance or 0, header.source.name))
    parts: list[tuple[str, list[SliceHeader]]] = [("", ordered)]
    for reason, key in _KEYS:
        parts = [
            (why if len(group) == 1 else reason, part)
            for why, members in parts
            for group in [by(members, key)]
            for part in group
        ]
    for reason, are_alike in (("different pixel spacing", _have_one_spacing), ("different orientation", _are_parallel)):
        parts = [
            (why if len(group) == 1 else reason, part)
            for why, members in parts
            for group in [_alike(members, are_alike)]
            for part in group
        ]
    parts = [
        (why if len(group) == 1 else reason, part)
        for why, members in parts
        for reason, group in [_by_phase(members)]
        for part in group
    ]
    uid = ordered[0].series_uid
    own = uid or "no-uid:" + str(ordered[0].source.path) + ordered[0].source.member
    if other_patient:
        parts = [(f"{why}, {SEVERAL_PATIENTS}" if why else SEVERAL_PATIENTS, part) for why, part in parts]
        own += f"#patient{other_patient}"
    return [
        Series(uid, own if len(parts) == 1 else f"{own}#{number}", tuple(part), split=why)
        for number, (why, part) in enumerate(parts, 1)
    ]


_KEYS: tuple[tuple[str, Callable[[SliceHeader], Hashable]], ...] = (
    ("different kind of image", lambda header: (header.modality, header.sop_class)),
    ("scout", lambda header: header.is_scout),
    ("colour", lambda header: (header.samples, header.photometric.startswith("MONOCHROME"))),
    ("different size", lambda header: (header.rows, header.columns)),
    ("different frame of reference", lambda header: header.frame_of_reference_uid),
)


def _alike(
    slices: Sequence[SliceHeader], are_alike: Callable[[SliceHeader, SliceHeader], bool]
) -> list[list[SliceHeader]]:
    """Group slices that match the first of their group."""
    groups: list[list[SliceHeader]] = []
    for header in slices:
        for group in groups:
            if are_alike(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _have_one_spacing(one: SliceHeader, other: SliceHeader) -> bool:
    """Return whether pixel spacings are equal up to rounding in files."""
    if one.spacing_mm is None or other.spacing_mm is None:
        return one.spacing_mm is other.spacing_mm
    return all(abs(a - b) <= _SAME_SPACING * a for a, b in zip(one.spacing_mm, other.spacing_mm, strict=True))


def _are_parallel(one: SliceHeader, other: SliceHeader) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation is other.orientation
    row = sum(a * b for a, b in zip(one.orientation[:3], other.orientation[:3], strict=True))
    column = sum(a * b for a, b in zip(one.orientation[3:], other.orientation[3:], strict=True))
    return row > SAME_DIRECTION and column > SAME_DIRECTION


def _by_phase(slices: list[SliceHeader]) -> tuple[str, list[list[SliceHeader]]]:
    """Split by a value that separates repeated positions or alternating slices into stacks; return its name too.

    A slice with a unique value, or without a value, becomes a separate part, because its stack is unknown.
    """
    repeats = _repeats_positions(slices)
    for name, groups, is_strict in chain(groupings(slices), groupings_of_repeats(slices) if repeats else ()):
        stacks = stacks_in(groups)
        if len(stacks) < 2:
            continue
        if repeats:
            if not any(_repeats_positions(group) for group in stacks):
                return f"different {name}", groups
        elif take_turns(stacks) if is_strict else lie_between_each_other(stacks):
            return f"different {name}", groups
    return "", [slices]


def _repeats_positions(slices: Sequence[SliceHeader]) -> bool:
    """Return whether two different instances share a position."""
    places: dict[Hashable, str] = {}
    cell_mm = SAME_POSITION_MM
    if all(header.position_mm is not None and header.orientation is not None for header in slices):
        cell_mm = min(cell_mm, same_place_mm(distances_mm(slices)))
    for header in slices:
        if header.position_mm is None:
            continue
        place = tuple(round(mm / cell_mm) for mm in header.position_mm)
        if place in places and (places[place] != header.own_uid or not header.own_uid):
            return True
        places[place] = header.own_uid
    return False
