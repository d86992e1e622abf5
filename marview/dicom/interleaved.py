"""Detect several acquisitions or reconstructions whose slices alternate along the stack."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marview.dicom.header import SliceHeader
from marview.dicom.stack import distances_mm

_FEWEST_ALTERNATING = 6
_MOST_ALONE = 0.25
_ISOLATED = 1.2
"""Smallest number of changes of the group along the stack, per slice outside the largest group, if groups alternate.

It is almost 2 if two groups take turns, 1.5 for three groups, and less if a group is a block of slices.
"""


def by(slices: Sequence[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> list[list[SliceHeader]]:
    """Group slices by a value; groups are ordered by the first occurrence of their value."""
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        groups[key(header)].append(header)
    return list(groups.values())


def stacks_in(groups: Sequence[Sequence[SliceHeader]]) -> list[Sequence[SliceHeader]]:
    """Return the groups with more than one slice, or no groups if many slices have a unique value.

    A few slices with a unique value are treated as exceptions. If there are many, the value does not
    distinguish stacks.
    """
    stacks = [group for group in groups if len(group) > 1]
    alone = len(groups) - len(stacks)
    return stacks if alone <= _MOST_ALONE * (alone + sum(map(len, stacks))) else []


def lie_between_each_other(groups: Sequence[Sequence[SliceHeader]]) -> bool:
    """Return whether slices of different groups alternate.

    Groups that follow one another along the stack are parts of one scan.
    """
    return len(groups) > 1 and _changes(groups) >= len(groups) + 1


def take_turns(groups: Sequence[Sequence[SliceHeader]]) -> bool:
    """Return whether nearly every slice in the stack belongs to a different group from the slice before it.

    This is stricter than `lie_between_each_other`. It is used for values that may also change once or twice in a scan,
    from one block of slices to the next.
    """
    sizes = [len(group) for group in groups]
    if len(groups) < 2 or sum(sizes) < _FEWEST_ALTERNATING:
        return False
    return _changes(groups) >= _ISOLATED * (sum(sizes) - max(sizes))


def _changes(groups: Sequence[Sequence[SliceHeader]]) -> int:
    """Return how often the group changes along the stack; 0 if positions are unknown."""
    slices = [header for group in groups for header in group]
    if any(header.position_mm is None or header.orientation is None for header in slices):
        return 0
    of_group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    order = np.argsort(distances_mm(slices), kind="stable")
    return int(np.count_nonzero(np.diff(of_group[order])))


def groupings(slices: Sequence[SliceHeader]) -> Iterator[tuple[str, list[list[SliceHeader]], bool]]:
    """Yield ways to group slices into acquisitions.

    Each item contains the name of the value, the groups, and whether the groups must also pass the check
    `take_turns`. This check is required only for values such as Image Type and acquisition time, which
    can also vary within one scan, from slice to slice or between blocks of slices.
    """
    for tag in [name for name, _ in slices[0].phase]:
        yield tag.replace("_", " "), by(slices, partial(_phase, tag)), False
    yield "image type", by(slices, lambda header: header.image_type), True
    yield "acquisition time", by(slices, lambda header: header.acquired_s), True
    yield "acquisition time", _before_and_after(slices), True
    yield "acquisition", by(slices, lambda header: (header.phase, header.image_type)), True


def groupings_of_repeats(slices: Sequence[SliceHeader]) -> Iterator[tuple[str, list[list[SliceHeader]], bool]]:
    """Yield further ways to group slices that share positions, in the same form as `groupings`.

    The slices are grouped by scan settings and slice thickness. These may also vary within one scan, so they
    distinguish acquisitions only if positions repeat.
    """
    for tag in [name for name, _ in slices[0].settings]:
        yield tag.replace("_", " "), by(slices, partial(_setting, tag)), False
    yield "slice thickness", by(slices, lambda header: header.thickness_mm), False


def _phase(tag: str, header: SliceHeader) -> Hashable:
    return dict(header.phase)[tag]


def _setting(tag: str, header: SliceHeader) -> Hashable:
    return dict(header.settings)[tag]


def _before_and_after(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Group slices before and after the longest pause between acquisition times, for two scans one after the other."""
    times = sorted({header.acquired_s for header in slices if header.acquired_s is not None})
    if len(times) < 2:
        return [list(slices)]
    known: NDArray[np.float64] = np.asarray(times)
    pause = int(np.argmax(np.diff(known)))

    def part(header: SliceHeader) -> int:
        return -1 if header.acquired_s is None else int(header.acquired_s > known[pause])

    return by(slices, part)
