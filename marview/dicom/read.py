"""Read a series into HU on a grid, from the middle slice outward."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.check import check
from marview.dicom.codec import COMPRESSED
from marview.dicom.decoder import decode_apart, is_worthwhile
from marview.dicom.header import DEFLATED, SliceHeader
from marview.dicom.outliers import doubtful_findings
from marview.dicom.pixels import PADDING_HU, write_hu
from marview.dicom.plausible import values_findings
from marview.dicom.quiet import quiet
from marview.dicom.remark import Remark, findings_of
from marview.dicom.report import GET_AGAIN, Finding, Kind, SeriesReport
from marview.dicom.series import Series
from marview.errors import BadInput
from marview.originals import note_series
from marview.volume import Volume

Allocate = Callable[[tuple[int, int, int], "np.dtype[np.int16]"], NDArray[np.int16]]


@dataclass(frozen=True, eq=False)
class LoadedSeries:
    """A series in memory.

    Attributes:
        series: files and headers of the series, as found on disk.
        volume: int16 HU `[z, y, x]` on its grid; -1024 HU in missing or damaged slices.
        sources: header of each slice by index z (file, UIDs, rescale); None for missing or damaged slices, and for all
            slices of NIfTI.
        report: all findings about the files and their content, and whether methods can correct the series.
        nifti: NIfTI file of the series; None for DICOM.
    """

    series: Series
    volume: Volume
    sources: tuple[SliceHeader | None, ...]
    report: SeriesReport
    nifti: Path | None = None

    def __repr__(self) -> str:
        return f"LoadedSeries({self.volume!r})"  # not its headers, which name the patient

    @property
    def gaps(self) -> tuple[int, ...]:
        """Return the z indices of the slices without an image."""
        return () if self.nifti is not None else tuple(z for z, header in enumerate(self.sources) if header is None)

    @property
    def patient_id(self) -> str:
        """Return the patient ID stored in the files; empty if there is none."""
        return next((header.patient_id for header in self.sources if header is not None), "")

    def window_at(self, z: int) -> tuple[float, float] | None:
        """Return the window width and level in HU stored in the file of slice z; None if there are none."""
        header = self.sources[z]
        return None if header is None else header.window


class Cancelled(Exception):  # noqa: N818 - not an error: the user cancelled
    """Reading was stopped by `is_cancelled`."""


def read(
    series: Series,
    *,
    report: SeriesReport | None = None,
    allocate: Allocate | None = None,
    on_start: Callable[[LoadedSeries], None] | None = None,
    on_slice: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> LoadedSeries:
    """Read a series.

    The call blocks, so the window runs it on a background thread.

    Args:
        series: series from `scan`.
        report: report from `check`; if None, the series is checked first.
        allocate: function that returns an array of the given shape `[z, y, x]` and dtype (int16) to read
            into, for example in shared memory; by default it returns a numpy array.
        on_start: called once when the grid is known and every voxel is still `PADDING_HU`.
        on_slice: called with the index z of each slice read, starting with the middle slice; not called for
            damaged slices.
        is_cancelled: called before each slice.

    Raises:
        BadInput: no slice can be read.
        Cancelled: `is_cancelled` returned True.
    """
    if series.nifti is not None:
        from marview.dicom.nifti import read_nifti

        return read_nifti(series, allocate=allocate, on_start=on_start, on_slice=on_slice)
    report = check(series) if report is None else report
    if report.stack is None:
        raise BadInput(report.reason)
    stack = report.stack
    hu = allocate_hu(stack.grid.shape, allocate)
    loaded = LoadedSeries(series, Volume(hu, stack.grid), stack.slices, report)
    headers = {z: header for z in middle_outward(len(stack.slices)) if (header := stack.slices[z]) is not None}
    note_series(header.source.path for header in headers.values() if not header.source.member)
    outcomes = _Outcomes()
    hu.fill(PADDING_HU)
    if on_start is not None:
        on_start(loaded)
    with quiet():
        for z, remarks in _slices(headers, hu):
            if is_cancelled is not None and is_cancelled():
                raise Cancelled
            if isinstance(remarks, BadInput):
                outcomes.damaged[z] = str(remarks)
                continue
            outcomes.remarks[z] = remarks
            if on_slice is not None:
                on_slice(z)
        loaded = _with_all_bits(loaded, outcomes, on_slice)
    return _finished(loaded, outcomes)


@dataclass
class _Outcomes:
    damaged: dict[int, str] = field(default_factory=dict)
    remarks: dict[int, Remark] = field(default_factory=dict)


def _slices(headers: Mapping[int, SliceHeader], hu: NDArray[np.int16]) -> Iterator[tuple[int, Remark | BadInput]]:
    """Decode slices into `hu`; yield each index with remarks on its pixels, or with the reason for failure."""
    waiting = dict(headers)
    while waiting:
        z = next(iter(waiting))
        header = waiting.pop(z)
        try:
            yield z, write_hu(header, hu[z])
        except BadInput as why:
            hu[z] = PADDING_HU
            yield z, why
        if len(waiting) == len(headers) - 1 and is_worthwhile(waiting):
            break  # the middle slice is ready; child processes decode the others
    for z, values, remarks in decode_apart(waiting) if waiting else ():
        if isinstance(values, BadInput):
            yield z, values
        else:
            hu[z] = values
            yield z, remarks


def _with_all_bits(loaded: LoadedSeries, outcomes: _Outcomes, on_slice: Callable[[int], None] | None) -> LoadedSeries:
    """Read slices again if their upper bits were dropped, but belong to the values according to other slices."""
    if not any(Remark.SPARE_BITS in made for made in outcomes.remarks.values()):
        return loaded
    sources = list(loaded.sources)
    for z, made in outcomes.remarks.items():
        header = sources[z]
        if header is not None and made & (Remark.DROPPED_BITS | Remark.SPARE_BITS):
            sources[z] = header = replace(header, uses_spare_bits=True)
            if Remark.DROPPED_BITS in made:
                outcomes.remarks[z] = write_hu(header, loaded.volume.hu[z])
                if on_slice is not None:
                    on_slice(z)
    return replace(loaded, sources=tuple(sources))


def middle_outward(count: int) -> list[int]:
    """Return the indices 0 to count - 1 from the middle outward.

    >>> middle_outward(5)
    [2, 3, 1, 4, 0]
    """
    middle = count // 2
    return sorted(range(count), key=lambda z: (abs(z - middle), -z))


def allocate_hu(shape: tuple[int, int, int], allocate: Allocate | None) -> NDArray[np.int16]:
    """Allocate the HU array that a series is read into.

    Raises:
        BadInput: there is not enough memory.
    """
    bytes_needed = 2 * math.prod(shape)
    refusal = BadInput(
        f"There is not enough memory for this series: it needs {bytes_needed >> 20} MB. Close other programs and try "
        "again."
    )
    if bytes_needed > available_bytes():
        raise refusal
    try:
        return np.empty(shape, np.int16) if allocate is None else allocate(shape, np.dtype(np.int16))
    except (MemoryError, ValueError):
        raise refusal from None


def available_bytes() -> float:
    """Return the memory in bytes that is available without swapping; infinity if the system does not report it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024.0
    return math.inf


def _finished(loaded: LoadedSeries, outcomes: _Outcomes) -> LoadedSeries:
    damaged = outcomes.damaged
    if damaged and len(damaged) == sum(header is not None for header in loaded.sources):
        raise BadInput(f"{next(iter(damaged.values()))} No slice of the series can be read. {GET_AGAIN}")
    findings = list(loaded.report.findings)
    findings += [Finding(Kind.DAMAGED, damaged[z], slices=(z,)) for z in sorted(damaged)[:3]]
    if len(damaged) > 3:
        findings.append(Finding(Kind.DAMAGED, f"In all, {len(damaged)} slices are damaged.", slices=tuple(damaged)))
    names = {z: header.name for z, header in enumerate(loaded.sources) if header is not None}
    findings += findings_of(outcomes.remarks, names)
    if loaded.report.is_volume:
        sound = {z: name for z, name in names.items() if z not in damaged}
        unchecked = COMPRESSED | {DEFLATED}
        compressed = [z for z in sound if (one := loaded.sources[z]) is not None and one.transfer_syntax in unchecked]
        findings += doubtful_findings(loaded.volume.hu, sound, compressed)
        is_padded = bool(loaded.gaps or damaged) or any(Remark.PADDED in made for made in outcomes.remarks.values())
        findings += values_findings(loaded.volume.hu, "the series", is_padded=is_padded)
    sources = tuple(None if z in damaged else header for z, header in enumerate(loaded.sources))
    report = SeriesReport(tuple(findings), loaded.report.stack)
    return replace(loaded, sources=sources, report=report)
