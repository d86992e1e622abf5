"""Split what shares a series UID and is not one volume."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from marview.dicom.header import SliceHeader
from marview.dicom.series import Series

SAME_DIRECTION = math.cos(math.radians(0.6))
SAME_POSITION_MM = 0.01


def split(slices: Sequence[SliceHeader], *, other_patient: int = 0) -> list[Series]:
    """Divide the slices of one series UID into parts that may each be a volume.

    Parts differ in kind of image (scout, modality, colour), size, pixel spacing, orientation or frame of reference;
    where every position then still occurs more than once, in phase, acquisition, trigger time, echo or kernel.

    Args:
        slices: of one series UID, study and patient.
        other_patient: which patient this is of those that share the UID, from 1; 0 where there is only one.
    """
    ordered = sorted(slices, key=lambda header: (header.instance or 0, header.source.name))
    parts: list[tuple[str, list[SliceHeader]]] = [("", ordered)]
    for reason, key in _KEYS:
        parts = [
            (why if len(group) == 1 else reason, part)
            for why, members in parts
            for group in [_by(members, key)]
            for part in group
        ]
    parts = [
        (why if len(group) == 1 else "other orientation", part)
        for why, members in parts
        for group in [_by_orientation(members)]
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
        parts = [(why or "two patients under one series UID", part) for why, part in parts]
        own += f"#patient{other_patient}"
    return [
        Series(uid, own if len(parts) == 1 else f"{own}#{number}", tuple(part), split=why)
        for number, (why, part) in enumerate(parts, 1)
    ]


_KEYS: tuple[tuple[str, Callable[[SliceHeader], Hashable]], ...] = (
    ("other kind of image", lambda header: (header.modality, header.sop_class)),
    ("scout", lambda header: header.is_scout),
    ("colour", lambda header: (header.samples, header.photometric.startswith("MONOCHROME"))),
    ("other size", lambda header: (header.rows, header.columns)),
    ("other pixel spacing", lambda header: header.spacing_mm and tuple(round(mm, 4) for mm in header.spacing_mm)),
    ("other frame of reference", lambda header: header.frame_of_reference_uid),
)


def _by(slices: Sequence[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        groups[key(header)].append(header)
    return list(groups.values())


def _by_orientation(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    groups: list[list[SliceHeader]] = []
    for header in slices:
        for group in groups:
            if _are_parallel(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _are_parallel(one: SliceHeader, other: SliceHeader) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation is other.orientation
    row = sum(a * b for a, b in zip(one.orientation[:3], other.orientation[:3], strict=True))
    column = sum(a * b for a, b in zip(one.orientation[3:], other.orientation[3:], strict=True))
    return row > SAME_DIRECTION and column > SAME_DIRECTION


def _by_phase(slices: list[SliceHeader]) -> tuple[str, list[list[SliceHeader]]]:
    """Phases, where one tag divides slices that repeat positions into stacks that do not."""
    if not _repeats_positions(slices):
        return "", [slices]
    for tag in [name for name, _ in slices[0].phase]:
        groups = _by(slices, lambda header, tag=tag: dict(header.phase)[tag])  # type: ignore[misc]
        if len(groups) > 1 and all(len(group) > 1 and not _repeats_positions(group) for group in groups):
            return f"other {tag.replace('_', ' ')}", groups
    return "", [slices]


def _repeats_positions(slices: Sequence[SliceHeader]) -> bool:
    """Whether two images that are not the same instance lie at one place."""
    places: dict[Hashable, str] = {}
    for header in slices:
        if header.position_mm is None:
            continue
        place = tuple(round(mm / SAME_POSITION_MM) for mm in header.position_mm)
        if place in places and (places[place] != header.sop_uid or not header.sop_uid):
            return True
        places[place] = header.sop_uid
    return False
