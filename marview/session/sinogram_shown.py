"""Content of the sinogram pane, as an immutable snapshot computed from the session state."""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.geometry import TraceCoverage
from marview.session.session import Session
from marview.session.sinogram_pictures import NO_PICTURES, SinogramPictures, pictures_of


class Absence(enum.Enum):
    """Reason why there is no sinogram."""

    NO_SERIES = enum.auto()
    REFUSED = enum.auto()
    NOT_A_VOLUME = enum.auto()
    WAITS_FOR_SLICE = enum.auto()
    WAITS_FOR_RUN = enum.auto()
    PROJECTING = enum.auto()


@dataclass(frozen=True, eq=False)
class SinogramShown:
    """Snapshot of the content of the sinogram pane.

    Attributes:
        slice_index: slice in view.
        pictures: sinograms of the slice.
        trace: metal trace of the slice, bool `[view, bin]`; the trace of the current mask if available,
            even while the user paints.
        coverage: how much of the sinogram the trace covers; None without a trace.
        is_body_known: whether the coverage counts only rays through the body.
        is_older: whether the sinograms come from a result that was made with an earlier mask.
        absence: reason why there is no trace; None if there is one.
        is_wanted: whether the slice should be projected.
    """

    slice_index: int = 0
    pictures: SinogramPictures = NO_PICTURES
    trace: NDArray[np.bool_] | None = None
    coverage: TraceCoverage | None = None
    is_body_known: bool = False
    is_older: bool = False
    absence: Absence | None = Absence.NO_SERIES
    is_wanted: bool = False


def resolve(session: Session, before: SinogramShown) -> SinogramShown:
    """Compute the current snapshot, reusing unchanged parts of the previous one."""
    z = session.view.display.slice_index
    pictures = pictures_of(z, session.result, session.sinograms.current, before.pictures)
    trace, coverage = pictures.trace, None if pictures.projected is None else pictures.projected.coverage
    live = session.traces.current
    if pictures.available and live is not None and live.slice_index == z:
        trace, coverage = live.trace, live.coverage
    if trace is not None and session.metal.plane(z) is not None and not trace.any():
        trace = coverage = None  # computed before this slice had metal
    is_body_known = coverage is not None
    if trace is not None and coverage is None:
        coverage = before.coverage if trace is before.trace else TraceCoverage.of(trace)
    return SinogramShown(
        slice_index=z,
        pictures=pictures,
        trace=trace,
        coverage=coverage,
        is_body_known=is_body_known,
        is_older=_is_older(session, pictures, z),
        absence=None if trace is not None else _absence(session, z),
        is_wanted=_is_wanted(session, pictures, z),
    )


def _is_older(session: Session, pictures: SinogramPictures, z: int) -> bool:
    result = session.result
    if result is None or pictures.source is None or pictures.projected is not None:
        return False
    return not result.mask.is_equal(z, session.metal.plane(z))


def _absence(session: Session, z: int) -> Absence:
    if session.loaded is None:
        return Absence.NO_SERIES
    if session.sinograms.refusal:
        return Absence.REFUSED
    if not session.loaded.report.is_volume:
        return Absence.NOT_A_VOLUME
    if session.runs.is_running:
        is_coming = session.result is not None and z in session.result.slices
        return Absence.WAITS_FOR_SLICE if is_coming else Absence.WAITS_FOR_RUN
    return Absence.PROJECTING


def _is_wanted(session: Session, pictures: SinogramPictures, z: int) -> bool:
    """Return whether to request a sinogram: none is shown, and none was requested with the current mask."""
    is_of_result = pictures.source is not None and pictures.projected is None
    if is_of_result or session.runs.is_running or session.metal.is_painting or not session.can_project:
        return False
    return session.sinograms.asked != (z, session.metal.revision)
