"""Check a series and return its source images, for DICOM objects that refer to its slices (SEG, SR)."""

from pydicom.dataset import Dataset

from marview.dicom.derived_attributes import TYPE_2
from marview.dicom.encode import decimal_text
from marview.dicom.header import CT_IMAGE, SliceHeader
from marview.dicom.read import LoadedSeries
from marview.errors import BadInput


def refuse_unreferable(series: LoadedSeries, what: str, another: str) -> None:
    """Check that an object can refer to a series.

    Args:
        series: series to refer to.
        what: name of the object, such as "a DICOM SEG".
        another: advice at the end of the message, for example to write NIfTI instead.

    Raises:
        BadInput: the series is not DICOM, or has no UIDs or frame of reference.
    """
    if series.nifti is not None:
        raise BadInput(f"{series.nifti.name} is a NIfTI file, but {what} refers to DICOM images. {another}")
    for header in series.sources:
        if header is not None and header.frame:
            raise BadInput(
                f"{header.source.name} is Enhanced CT, and {what} from marview cannot refer to it. {another}"
            )
        if header is not None and not (header.sop_uid and header.series_uid and header.study_uid):
            raise BadInput(f"{header.name} lacks a UID that {what} could refer to. {another}")
        if header is not None and not header.frame_of_reference_uid:
            raise BadInput(f"{header.name} lacks the frame of reference, which {what} requires. {another}")


def bare(source: Dataset, header: SliceHeader) -> Dataset:
    """Return the source elements that highdicom needs, without text values.

    Text values are left out because highdicom re-encodes them.
    """
    dataset = Dataset()
    for keyword in TYPE_2:
        setattr(dataset, keyword, None)
    dataset.SOPClassUID, dataset.SOPInstanceUID = header.sop_class or CT_IMAGE, header.sop_uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = header.study_uid, header.series_uid
    dataset.FrameOfReferenceUID = header.frame_of_reference_uid
    dataset.Modality = "CT"
    dataset.Rows, dataset.Columns = header.rows, header.columns
    place = {
        "ImagePositionPatient": header.position_mm,
        "ImageOrientationPatient": header.orientation,
        "PixelSpacing": header.spacing_mm,
    }
    for keyword, values in place.items():
        text = [decimal_text(value) for value in values or ()]
        setattr(dataset, keyword, text if header.has_commas else source[keyword].value)
    dataset.SliceThickness = None if header.thickness_mm is None else decimal_text(header.thickness_mm)
    return dataset
