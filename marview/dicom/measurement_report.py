"""Write measurements as DICOM SR (TID 1500, Comprehensive 3D SR) with highdicom."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from marview import __version__
from marview.dicom.derive import source_dataset
from marview.dicom.encode import MAKER, later_number, short_text
from marview.dicom.quiet import quiet
from marview.dicom.read import LoadedSeries
from marview.dicom.referring import bare, refuse_unreferable
from marview.dicom.verbatim import identity_of, write_with_identity
from marview.errors import BadInput

Shape = Literal["POINT", "POLYLINE", "POLYGON", "ELLIPSE"]


@dataclass(frozen=True)
class ImageValues:
    """The values of a measurement in one image.

    Attributes:
        image: name of the image: "Original", or the method and version of a result.
        mean_hu: mean of a region, or value at a point.
    """

    image: str
    length_mm: float | None = None
    angle_deg: float | None = None
    area_mm2: float | None = None
    mean_hu: float | None = None
    sd_hu: float | None = None
    min_hu: float | None = None
    max_hu: float | None = None


@dataclass(frozen=True, eq=False)
class ReportedMeasure:
    """A measurement to report.

    Attributes:
        name: name such as "Ellipse 3".
        shape: graphic type of `points`; the points of an ellipse are the ends of its two axes.
        points: LPS coordinates in mm, `[point, 3]`.
        slices: z indices of the measured slices; empty for a section across many slices.
        values: values in each measured image.
    """

    name: str
    shape: Shape
    points: NDArray[np.float64]
    slices: tuple[int, ...]
    values: tuple[ImageValues, ...]


def write_measurement_report(path: Path | str, measures: Sequence[ReportedMeasure], series: LoadedSeries) -> Path:
    """Write measurements as one SR object in the study of the measured series.

    Each measurement has one group per image, all with the same tracking UID.

    Args:
        path: output file, NAME.dcm.
        measures: measurements.
        series: measured DICOM series.

    Raises:
        BadInput: the series is not DICOM or has no UIDs, or there is no measurement.
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    refuse_unreferable(series, "a DICOM SR", "Export the measurements as CSV.")
    if not measures:
        raise BadInput("There is no measurement to export: measure something first.")
    import highdicom

    with quiet():
        wanted = {z for one in measures for z in one.slices}
        is_all = any(not one.slices for one in measures)
        present = [(z, header) for z, header in enumerate(series.sources) if header is not None]
        chosen = [header for z, header in present if is_all or z in wanted] or [header for _, header in present]
        sources = [source_dataset(header) for header in chosen]
        identity = identity_of(sources[0])
        frame_uid = chosen[0].frame_of_reference_uid
        report = highdicom.sr.Comprehensive3DSR(
            evidence=[bare(source, header) for source, header in zip(sources, chosen, strict=True)],
            content=_content(measures, frame_uid)[0],
            series_instance_uid=generate_uid(prefix=None),
            series_number=max(later_number(chosen[0].series_number, 3000), 1),
            sop_instance_uid=generate_uid(prefix=None),
            instance_number=1,
            manufacturer=MAKER,
            is_complete=True,
            manufacturer_model_name=MAKER,
            software_versions=__version__,
            device_serial_number="0",
            series_description=short_text(f"Measurements in {chosen[0].series_description or 'series'}", 64),
        )
        write_with_identity(report, path, identity)
    return path


def _content(measures: Sequence[ReportedMeasure], frame_uid: str) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    device = highdicom.sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(prefix=None), name=MAKER, manufacturer_name=MAKER, model_name=__version__
    )
    observer = highdicom.sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    groups = [group for one in measures for group in _groups(one, frame_uid)]
    return highdicom.sr.MeasurementReport(
        observation_context=highdicom.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=highdicom.sr.CodedConcept("77477000", "SCT", "Computed tomography"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=highdicom.sr.LanguageOfContentItemAndDescendants(
            highdicom.sr.CodedConcept("en", "RFC5646", "English")
        ),
    )


def _groups(measure: ReportedMeasure, frame_uid: str) -> list[Any]:
    """Return a group of measurements for each image."""
    import highdicom

    uid = generate_uid(prefix=None)
    made: list[Any] = []
    is_region = measure.shape in {"POLYGON", "ELLIPSE"}
    for values in measure.values:
        identifier = highdicom.sr.TrackingIdentifier(uid=uid, identifier=f"{measure.name}, {values.image}")
        if is_region:
            region = highdicom.sr.ImageRegion3D(measure.shape, _closed(measure), frame_uid)
            made.append(
                highdicom.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                    tracking_identifier=identifier, referenced_region=region, measurements=_measurements(values)
                )
            )
        else:
            place = highdicom.sr.CoordinatesForMeasurement3D(measure.shape, measure.points, frame_uid)
            made.append(
                highdicom.sr.MeasurementsAndQualitativeEvaluations(
                    tracking_identifier=identifier, measurements=_measurements(values, place)
                )
            )
    return made


def _closed(measure: ReportedMeasure) -> NDArray[np.float64]:
    """Return the points of a region; a polygon is closed."""
    points = measure.points
    is_open = measure.shape == "POLYGON" and not np.array_equal(points[0], points[-1])
    return np.vstack([points, points[:1]]) if is_open else points


def _measurements(values: ImageValues, place: Any = None) -> list[Any]:
    import highdicom
    from pydicom.sr.codedict import codes

    coded = highdicom.sr.CodedConcept
    hu = coded("[hnsf'U]", "UCUM", "Hounsfield unit")
    attenuation = coded("112031", "DCM", "Attenuation Coefficient")
    wanted = (
        (values.length_mm, codes.SCT.Length, codes.UCUM.Millimeter, None),
        (values.angle_deg, coded("1483009", "SCT", "Angle"), codes.UCUM.Degree, None),
        (values.area_mm2, codes.SCT.Area, codes.UCUM.SquareMillimeter, None),
        (values.mean_hu, attenuation, hu, None if place is not None else codes.SCT.Mean),
        (values.sd_hu, attenuation, hu, codes.SCT.StandardDeviation),
        (values.min_hu, attenuation, hu, codes.SCT.Minimum),
        (values.max_hu, attenuation, hu, codes.SCT.Maximum),
    )
    places = None if place is None else [place]
    return [
        highdicom.sr.Measurement(
            name=name, value=float(value), unit=unit, derivation=derivation, referenced_coordinates=places
        )
        for value, name, unit, derivation in wanted
        if value is not None and np.isfinite(value)
    ]
