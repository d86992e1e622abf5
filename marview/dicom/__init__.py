"""CT series on disk: find (`scan`), check (`check`), read (`read`, `open_series`) and write derived series."""

from marview.dicom.check import check
from marview.dicom.derive import DerivedSeries, write_derived_series
from marview.dicom.derived_attributes import Derivation
from marview.dicom.open import choose, open_series
from marview.dicom.pixels import PADDING_HU
from marview.dicom.read import Cancelled, LoadedSeries, read
from marview.dicom.report import Finding, Kind, Outcome, SeriesReport, Stack
from marview.dicom.scan import scan
from marview.dicom.series import Scan, Series, Study

__all__ = [
    "PADDING_HU",
    "Cancelled",
    "Derivation",
    "DerivedSeries",
    "Finding",
    "Kind",
    "LoadedSeries",
    "Outcome",
    "Scan",
    "Series",
    "SeriesReport",
    "Stack",
    "Study",
    "check",
    "choose",
    "open_series",
    "read",
    "scan",
    "write_derived_series",
]
