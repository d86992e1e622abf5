"""Set the attributes of a derived CT image: image type, source images, derivation and software."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, generate_uid

from marview import __version__
from marview.dicom.encode import MAKER, coded, later_number, short_text
from marview.dicom.header import CT_IMAGE, SliceHeader
from marview.dicom.series import DERIVED_BY

SCHEME = "99MARVIEW"
"""Private coding scheme, because PS3.16 CID 7203 has no code for metal artifact reduction."""


_CAUTION = "Not for primary diagnosis; review with the source images."


@dataclass(frozen=True)
class Derivation:
    """Description of how a derived series was created.

    Attributes:
        method: title of the method.
        version: version of the method.
        parameters: parameters of the run, as text.
        weights: SHA-256 of the weights; empty if the method has no weights.
        margin_mm: margin of the metal mask in mm.
        application_version: version of marview.
    """

    method: str
    version: str
    parameters: str = ""
    weights: str = ""
    margin_mm: float = 0.0
    application_version: str = __version__

    def text(self, *, is_changed: bool = True) -> str:
        """Return the Derivation Description of a slice, at most 1024 characters long.

        If the slice is unchanged, the description contains a sentence to that effect.
        """
        what = f"Metal artifact reduction: {self.method} {self.version}, {MAKER} {self.application_version}."
        weights = f" Weights {self.weights}." if self.weights else ""
        margin = f" Margin of the metal mask: {self.margin_mm:+g} mm." if self.margin_mm else ""
        head = short_text(what + weights + margin, 512) + ("" if is_changed else " This slice is unchanged.")
        given = short_text(self.parameters, 1000 - len(head) - len(_CAUTION) - len(" Parameters: . "))
        return f"{head} Parameters: {given}. {_CAUTION}" if given else f"{head} {_CAUTION}"


_DROPPED = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "IconImageSequence",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "EncryptedAttributesSequence",
    "ModalityLUTSequence",
    "PixelDataProviderURL",
    "DataSetTrailingPadding",
    "NumberOfFrames",
    "PlanarConfiguration",
)

TYPE_2 = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "Manufacturer",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "SliceThickness",
    "KVP",
    "StudyID",
    "AcquisitionNumber",
    "InstanceNumber",
    "PositionReferenceIndicator",
    "PatientPosition",
)
"""Type 2 elements of the CT Image IOD, present even if empty (PS3.3, A.3)."""


def describe(
    dataset: Dataset,
    header: SliceHeader,
    derivation: Derivation,
    description: str,
    series_uid: str,
    now: tuple[str, str],
) -> None:
    """Turn the data set of a source slice into the data set of a derived slice.

    Args:
        dataset: data set of the source slice, which is changed in place.
        header: header of the source slice.
        derivation: description of how the series was created.
        description: series description; if empty, it consists of the method and the source's description.
        series_uid: Series Instance UID of the derived series.
        now: date and time of the derivation in DICOM format.
    """
    _strip(dataset)
    _complete(dataset)
    kept = [str(value) for value in _values(dataset, "ImageType")[3:]]
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL", *kept]
    dataset.SOPClassUID = UID(CT_IMAGE)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.SeriesInstanceUID = UID(series_uid)
    dataset.SeriesNumber = later_number(header.series_number, DERIVED_BY)
    source = short_text(header.series_description, 60)
    dataset.SeriesDescription = short_text(
        description or f"{derivation.method}: {source}" if source else derivation.method, 64
    )
    dataset.SeriesDate, dataset.SeriesTime = now
    dataset.ContentDate, dataset.ContentTime = now
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = now
    dataset.BurnedInAnnotation = "NO"
    if header.is_lossy or _is_lossy_syntax(header):
        dataset.LossyImageCompression = "01"


def _is_lossy_syntax(header: SliceHeader) -> bool:
    return header.transfer_syntax.endswith((".50", ".51", ".53", ".55", ".4.81"))


def _values(dataset: Dataset, keyword: str) -> list[object]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else list(value)


def _strip(dataset: Dataset) -> None:
    """Remove elements that do not apply to new pixels, and all private elements, at every nesting level."""
    for keyword in _DROPPED:
        if keyword in dataset:
            delattr(dataset, keyword)
    for tag in list(dataset.keys()):
        if tag.is_private or tag.group & 0xFF00 in {0x5000, 0x6000}:
            del dataset[tag]
        elif dataset.get_item(tag).VR in {"SQ", None} and dataset[tag].VR == "SQ":
            for item in dataset[tag].value:
                _strip(item)


def _complete(dataset: Dataset) -> None:
    """Add empty Type 2 elements of a CT image that the source lacks."""
    for keyword in TYPE_2:
        if keyword not in dataset:
            setattr(dataset, keyword, None)
    if ("WindowCenter" in dataset) != ("WindowWidth" in dataset):
        for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"):
            dataset.pop(keyword, None)
    if "Laterality" not in dataset and "ImageLaterality" not in dataset:
        dataset.ImageLaterality = None  # means unknown; an empty Laterality would mean a paired body part


def refer(
    dataset: Dataset, sources: list[SliceHeader], derivation: Derivation, now: str, *, is_changed: bool = True
) -> None:
    """Record the source images, derivation and software in a derived image.

    Args:
        dataset: data set of the derived image, which is changed in place.
        sources: headers of the source images.
        derivation: description of how the series was created.
        now: date and time of the derivation in DICOM format.
        is_changed: whether the image differs from its source.
    """
    items = []
    for header in sources:
        item = Dataset()
        item.ReferencedSOPClassUID = UID(header.sop_class or CT_IMAGE)
        item.ReferencedSOPInstanceUID = UID(header.sop_uid)
        item.SpatialLocationsPreserved = "YES"
        item.PurposeOfReferenceCodeSequence = coded("121322", "DCM", "Source image for image processing operation")
        items.append(item)
    dataset.SourceImageSequence = DicomSequence(items)
    dataset.DerivationDescription = derivation.text(is_changed=is_changed)
    dataset.DerivationCodeSequence = coded("MAR", SCHEME, "Metal artifact reduction")
    scheme = Dataset()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "marview private codes"
    scheme.CodingSchemeResponsibleOrganization = MAKER
    _append(dataset, "CodingSchemeIdentificationSequence", scheme)
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = coded("109102", "DCM", "Processing Equipment")
    equipment.Manufacturer = MAKER
    equipment.ManufacturerModelName = MAKER
    equipment.SoftwareVersions = derivation.application_version
    equipment.ContributionDateTime = now
    equipment.ContributionDescription = short_text(f"Metal artifact reduction by {derivation.method}", 1024)
    _append(dataset, "ContributingEquipmentSequence", equipment)


def _append(dataset: Dataset, keyword: str, item: Dataset) -> None:
    setattr(dataset, keyword, DicomSequence([*(dataset.get(keyword) or []), item]))
