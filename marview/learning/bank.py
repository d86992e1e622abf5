"""Training slices and held-out slices of a run, kept in memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom.check import check
from marview.dicom.read import read
from marview.dicom.scan import scan
from marview.dicom.series import Scan
from marview.dicom.walk import walk
from marview.errors import BadInput
from marview.slices import read_pages
from marview.slices.body import body_of
from marview.slices.clean import STACKS
from marview.slices.volumes import ARRAYS, read_array
from marview.text import count, listing
from marview.volume.segment import adaptive
from marview.worker.resampling import AIR_HU

HELD_OUT = "validation"
"""Name prefix of TIFF stacks that are kept for validation."""

_METAL_HU = 2800.0
"""HU that dental enamel and dense contrast agent exceed only in isolated pixels."""

_METAL_PX = 12
_SMALLEST_BODY = 0.03
_VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Bank:
    """Slices that are either all without metal or all with metal.

    Attributes:
        slices: int16 HU, at least -1000, `[y, x]` each; their sizes may differ.
        names: names of the slices.
    """

    slices: Sequence[NDArray[np.int16]]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.slices)


@dataclass(frozen=True, eq=False)
class Banks:
    """Training slices and held-out slices.

    Attributes:
        training: slices for training.
        validation: slices for validation.
        with_metal: number of slices left out because they contain metal.
        empty: number of slices left out because they show little or nothing of the body.
        without_metal: number of slices left out because they contain no metal; 0 unless slices with metal
            are kept.
        has_metal: whether the kept slices contain metal.
    """

    training: Bank
    validation: Bank
    with_metal: int
    empty: int
    without_metal: int = 0
    has_metal: bool = False

    @property
    def words(self) -> str:
        """Describe the slices, for example "12 slices without metal for training, 2 for validation"."""
        counts = (
            (self.with_metal, "with metal"),
            (self.without_metal, "without metal"),
            (self.empty, "without a body"),
        )
        reasons = [f"{n} {why}" for n, why in counts if n]
        left_out = f"; {' and '.join(reasons)} were left out" if reasons else ""
        number = len(self.training)
        kept = count(number, "slice without metal", "slices without metal")
        if self.has_metal:
            kept = count(number, "slice with metal", "slices with metal")
        if self.training.names == self.validation.names:
            return f"{kept} for training and validation{left_out}"
        return f"{kept} for training, {len(self.validation)} for validation{left_out}"


def read_banks(
    path: Path, tell: Callable[[str], None] = lambda _: None, *, has_metal: bool = False, option: str = ""
) -> Banks:
    """Read all slices without metal, or all slices with metal, under a path.

    Stacks named `validation*.tif` are held out for validation. Without such stacks, the last tenth of the
    slices is held out, so that the held-out slices come from as few patients as possible.

    Args:
        path: a folder of TIFF stacks, DICOM series and NIfTI files, including subfolders; or a single file,
            which may also be a zip archive of DICOM files or an array file.
        tell: function called with messages about the files that are read or left out.
        has_metal: whether to keep slices with metal and leave out those without.
        option: command-line option that gave the path, for messages; if empty, --with-metal or --data,
            depending on `has_metal`.

    Raises:
        BadInput: the path contains no slice to keep, or all of them are held out.
    """
    option = option or ("--with-metal" if has_metal else "--data")
    if not path.exists():
        raise BadInput(f"{path} does not exist. {option} takes a folder of TIFF stacks, DICOM series or NIfTI files.")
    kept: dict[bool, list[tuple[str, NDArray[np.int16]]]] = {False: [], True: []}
    unwanted = empty = 0
    files = _Files(path, tell)
    for each in files.slices():
        if each.has_metal != has_metal:
            unwanted += 1
        elif np.count_nonzero(body_of(each.hu)) < _SMALLEST_BODY * each.hu.size:
            empty += 1
        else:
            kept[each.is_held_out].append((each.name, np.rint(each.hu).clip(AIR_HU, 32767).astype(np.int16)))
    if not kept[False]:
        if kept[True] and not unwanted and not empty:
            raise BadInput(
                f"No slice of {path} is left for training: all stacks have names that begin with {HELD_OUT!r}, so "
                f"marview holds out {count(len(kept[True]), 'slice')} for validation. Add other stacks, or rename one."
            )
        what = "no metal" if has_metal else "metal"
        why = f" ({count(unwanted, 'slice')} with {what}, {empty} without a body)" if unwanted or empty else ""
        left_out = f" It contains {listing(files.left_out)}." if files.left_out else ""
        if has_metal:
            raise BadInput(
                f"{path} contains no slice with metal to train on{why}; {option} takes scans of patients with metal "
                f"as TIFF stacks, DICOM series or NIfTI files.{left_out}"
            )
        raise BadInput(
            f"{path} contains no metal-free slice to train on{why}; --data takes scans without metal as TIFF stacks, "
            f"DICOM series or NIfTI files, such as a series of the same scanner and body region.{left_out}"
        )
    if not kept[True]:
        share = max(1, round(_VALIDATION_SHARE * len(kept[False])))
        # a single slice serves for training and validation, so that there is a validation error to follow
        kept[True] = kept[False][-share:]
        kept[False] = kept[False][:-share] or kept[False]
    training, validation = _bank(kept[False]), _bank(kept[True])
    if has_metal:
        return Banks(training, validation, 0, empty, unwanted, has_metal=True)
    return Banks(training, validation, unwanted, empty)


def _bank(named: Sequence[tuple[str, NDArray[np.int16]]]) -> Bank:
    return Bank([hu for _, hu in named], [name for name, _ in named])


@dataclass(frozen=True, eq=False)
class _Listed:
    name: str
    hu: NDArray[np.float32]
    has_metal: bool
    is_held_out: bool


def _listed(name: str, hu: NDArray[Any], *, has_metal: bool = False, is_held_out: bool = False) -> _Listed:
    """Replace NaN pixels of a slice with air, because scanners pad the outside of their field of view."""
    hu = np.where(np.isfinite(hu), hu, np.float32(AIR_HU)).astype(np.float32)
    is_dense = bool(np.count_nonzero(hu > _METAL_HU) > _METAL_PX)
    return _Listed(name, hu, has_metal or is_dense, is_held_out)


class _Files:
    """The slices under a path.

    Attributes:
        left_out: files without usable slices, with the reason.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self.left_out: list[str] = []
        self._path, self._tell = path, tell
        self._is_array = path.suffix.lower() in ARRAYS and path.is_file()
        files = [] if self._is_array else [each.path for each in walk(path, Counter()) if not each.member]
        self._stacks = [file for file in files if file.suffix.lower() in STACKS]
        self._arrays = [file for file in files if file.suffix.lower() in ARRAYS]
        self._indices = [file for file in files if file == path / "index.csv"]

    def slices(self) -> Iterator[_Listed]:
        """Yield all slices, those of the TIFF stacks first, then those of the series."""
        if self._is_array:
            yield from self._array()
            return
        for stack in self._stacks:
            yield from self._pages(stack)
        if self._path not in self._stacks:
            yield from self._series()

    def leave_out(self, what: str, why: str | BadInput) -> None:
        """Record a file without usable slices, and report it."""
        self.left_out.append(f"{what} (left out: {str(why).rstrip('.')})")
        self._tell(f"{self.left_out[-1]}.")

    def _array(self) -> Iterator[_Listed]:
        for k, hu in enumerate(read_array(self._path, "hu")):
            yield _listed(page_name(self._path.stem, k), hu)

    def _pages(self, stack: Path) -> Iterator[_Listed]:
        name = stack.name if stack == self._path else str(stack.relative_to(self._path))
        self._tell(f"Reading {name}.")
        pages = 0
        try:
            for hu in read_pages(stack):
                yield _listed(page_name(stack.stem, pages), hu, is_held_out=stack.name.startswith(HELD_OUT))
                pages += 1
        except BadInput as why:
            self.leave_out(f"{name} from its page {pages} on" if pages else name, why)

    def _series(self) -> Iterator[_Listed]:
        """Yield the slices of every series that is a volume.

        Metal is detected in the whole series, because in a single slice thin metal or the end of an implant can look
        like bone.
        """
        found = scan(self._path, may_be_empty=True)
        self._tell_of_others(found)
        for number, series in enumerate(found.series):
            name = series.nifti.name if series.nifti else series.description or f"series {number + 1}"
            report = check(series)
            if not report.is_volume:
                self.leave_out(name, report.reason)
                continue
            self._tell(f"Reading {name}.")
            try:
                loaded = read(series, report=report)
            except BadInput as why:
                self.leave_out(name, why)
                continue
            if loaded.gaps:
                self.leave_out(f"{count(len(loaded.gaps), 'slice')} of {name}", "missing or damaged")
            volume = loaded.volume
            mask = adaptive(volume.hu, volume.grid.stack_mm).possible
            for k in sorted(set(range(len(mask))) - set(loaded.gaps)):
                yield _listed(page_name(f"series_{number:02d}", k), volume.hu[k], has_metal=bool(mask[k].any()))

    def _tell_of_others(self, found: Scan) -> None:
        """Report the files that are not part of any series."""
        if found.damaged:
            self.leave_out(count(len(found.damaged), "damaged file"), listing(found.damaged, 1))
        for file in self._arrays:
            self.leave_out(file.name, "an array is read only if --data names the file itself")
        passed_over = Counter(found.skipped)
        passed_over["not DICOM"] -= len(self._stacks) + len(self._arrays) + len(self._indices)
        for reason, number in sorted((+passed_over).items()):
            is_unknown = reason == "not DICOM" and self._path.is_dir()
            self.leave_out(count(number, "file"), "no DICOM, NIfTI or TIFF" if is_unknown else reason)


def page_name(stem: str, page: int) -> str:
    """Return the name of a slice in a bank: the name of its stack and its page number."""
    return f"{stem}_{page:03d}"
