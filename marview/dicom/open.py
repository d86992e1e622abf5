"""Open the series at a path given on the command line."""

from collections.abc import Callable
from pathlib import Path

from marview.dicom.check import check
from marview.dicom.read import Allocate, LoadedSeries, read
from marview.dicom.report import Outcome, SeriesReport
from marview.dicom.scan import scan
from marview.dicom.series import Series
from marview.errors import BadInput
from marview.text import count


def open_series(
    path: Path | str,
    series_uid: str = "",
    *,
    allocate: Allocate | None = None,
    on_slice: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    option: str = "--series UID",
) -> LoadedSeries:
    """Scan, check and read the only volume under `path`, or the series with the UID `series_uid`.

    The arguments are the same as for `choose` and `read`.

    Raises:
        BadInput: there is no series, there are several (the message lists them), or the series cannot be read.
    """
    series, report = choose(path, series_uid, option)
    return read(series, report=report, allocate=allocate, on_slice=on_slice, is_cancelled=is_cancelled)


def choose(path: Path | str, series_uid: str = "", option: str = "--series UID") -> tuple[Series, SeriesReport]:
    """Return the only volume under `path` and its report; if there is no volume, the only viewable series.

    Args:
        path: folder, zip or file.
        series_uid: UID, key or digest of a series; needed if there are several.
        option: command-line option that selects a series, named in the message.

    Raises:
        BadInput: there is no series, or there are several.
    """
    found = scan(path).series
    if series_uid:
        found = tuple(one for one in found if series_uid in {one.uid, one.key, one.digest})
        if not found:
            raise BadInput(f"{path} contains no series with the UID {series_uid}.")
    judged = [(one, check(one)) for one in found]
    for worst in (Outcome.WARNS, Outcome.VIEWS):
        fitting = [(one, report) for one, report in judged if report.outcome <= worst]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            names = "; ".join(f"{one.key} ({_about(one, report)})" for one, report in fitting[:8])
            more = f" and {len(fitting) - 8} more" if len(fitting) > 8 else ""
            raise BadInput(f"{path} contains {len(fitting)} series. Choose one with {option}: {names}{more}.")
    raise BadInput(judged[0][1].reason)


def _about(series: Series, report: SeriesReport) -> str:
    """Describe a series in a list: its description, its size, and why it is separate from others with its UID."""
    slices = len(series) or (report.stack.grid.shape[0] if report.stack else 0)
    return ", ".join(filter(None, (series.description, count(slices, "slice"), series.split)))
