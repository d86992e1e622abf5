"""The clean slices a run learns from, in memory, and those it holds out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.check import check
from marview.dicom.read import read
from marview.dicom.scan import scan
from marview.errors import BadInput
from marview.slices import list_clean, read_pages
from marview.slices.body import body_of
from marview.volume.segment import adaptive

HELD_OUT = "validation"
"""A TIFF stack whose name begins so is never trained on."""

_METAL_HU = 2800.0
"""Enamel and dense contrast agent stay below but for single pixels."""

_METAL_PX = 12
_SMALLEST_BODY = 0.03
_VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Bank:
    """Slices without metal.

    Attributes:
        slices: int16 HU, at least -1000, `[y, x]` each; they may differ in size.
        names: of the slices.
    """

    slices: Sequence[NDArray[np.int16]]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.slices)


@dataclass(frozen=True, eq=False)
class Banks:
    """What is trained on and what is held out.

    Attributes:
        training: slices to learn from.
        validation: slices the losses are watched on.
        with_metal: how many slices were left out because they hold metal.
        empty: how many because they hold no body.
    """

    training: Bank
    validation: Bank
    with_metal: int
    empty: int


def read_banks(path: Path, tell: Callable[[str], None] = lambda _: None) -> Banks:
    """Read the metal-free slices under a path.

    Stacks named `validation*.tif` are held out; where there are none the last tenth of the slices is, which are
    neighbours and of as few patients as possible.

    Args:
        path: a folder of TIFF stacks, or of DICOM series and NIfTI files; or one such file.
        tell: called with the name of what is read.

    Raises:
        BadInput: there is no metal-free slice, or all are held out.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist; --data takes a folder of TIFF stacks, DICOM series or NIfTI files.")
    kept: dict[bool, list[tuple[str, NDArray[np.int16]]]] = {False: [], True: []}
    with_metal = empty = 0
    for each in _listed(path, tell):
        if each.has_metal:
            with_metal += 1
        elif np.count_nonzero(body_of(each.hu)) < _SMALLEST_BODY * each.hu.size:
            empty += 1
        else:
            kept[each.is_held_out].append((each.name, np.rint(each.hu).clip(-1000, 32767).astype(np.int16)))
    if not kept[False]:
        if kept[True] and not with_metal and not empty:
            raise BadInput(
                f"All {len(kept[True])} slices of {path} are held out, since the names of their stacks begin with "
                f"{HELD_OUT!r}, so there is none to train on; add other stacks or rename one."
            )
        why = f" ({with_metal} slices hold metal, {empty} hold no body)" if with_metal or empty else ""
        raise BadInput(
            f"{path} holds no metal-free slice to train on{why}; --data takes scans without metal, such as a series "
            "of the same scanner and body region."
        )
    if not kept[True]:
        count = max(1, round(_VALIDATION_SHARE * len(kept[False])))
        # a single slice is both, so that a run on it can be watched
        kept[True] = kept[False][-count:]
        kept[False] = kept[False][:-count] or kept[False]
    return Banks(_bank(kept[False]), _bank(kept[True]), with_metal, empty)


def _bank(named: Sequence[tuple[str, NDArray[np.int16]]]) -> Bank:
    return Bank([hu for _, hu in named], [name for name, _ in named])


@dataclass(frozen=True, eq=False)
class _Listed:
    name: str
    hu: NDArray[np.float32]
    has_metal: bool
    is_held_out: bool = False


def _listed(path: Path, tell: Callable[[str], None]) -> Iterator[_Listed]:
    """Every slice."""
    stacks = sorted(one for one in path.iterdir() if _is_stack(one)) if path.is_dir() else []
    if stacks or _is_stack(path):
        for stack in stacks or [path]:
            tell(stack.name)
            is_held_out = stack.name.startswith(HELD_OUT)
            for k, hu in enumerate(read_pages(stack)):
                yield _Listed(page_name(stack.stem, k), hu, _is_dense(hu), is_held_out)
    elif path.suffix.lower() in {".npy", ".npz"}:
        for each in list_clean(path):
            hu = each.read()
            yield _Listed(each.name, hu, _is_dense(hu))
    else:
        yield from _series(path, tell)


def page_name(stem: str, page: int) -> str:
    """What the slice of a stack's page is called in a bank."""
    return f"{stem}_{page:03d}"


def _is_dense(hu: NDArray[np.float32]) -> bool:
    """Whether a slice by itself shows metal."""
    return bool(np.count_nonzero(hu > _METAL_HU) > _METAL_PX)


def _is_stack(path: Path) -> bool:
    return path.suffix.lower() in {".tif", ".tiff"}


def _series(path: Path, tell: Callable[[str], None]) -> Iterator[_Listed]:
    """The slices of every series that is a volume; what else lies there is left alone.

    Metal is what a mask of the whole series would begin with: thin or at the end of an implant it is too little, or not
    dense enough, to be told from bone in a slice by itself.
    """
    for number, series in enumerate(scan(path).series):
        report = check(series)
        if not report.is_volume:
            continue
        tell(series.description or f"series {number + 1}")
        volume = read(series, report=report).volume
        mask = adaptive(volume.hu, volume.grid.spacing_mm).mask
        for k, page in enumerate(volume.hu):
            hu = np.maximum(page.astype(np.float32), -1000)
            yield _Listed(page_name(f"series_{number:02d}", k), hu, bool(mask[k].any()) or _is_dense(hu))
