"""Reports on the series in a folder."""

from pathlib import Path

from marview import dicom
from marview.dicom import Kind, SeriesReport


def report_of(folder: Path) -> SeriesReport:
    """Return the report on the only series in a folder."""
    (series,) = dicom.scan(folder).series
    return dicom.check(series)


def kinds(report: SeriesReport) -> set[Kind]:
    """Return the kinds of its findings."""
    return {finding.kind for finding in report.findings}
