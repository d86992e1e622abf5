"""Properties of a series: description, derivation, modality and path."""

import pytest

from marview import dicom
from marview.dicom.referring import refuse_unreferable
from marview.errors import BadInput


def opened(slices, save, **attributes: str):
    for each in slices:
        for name, value in attributes.items():
            setattr(each, name, value)
    return dicom.open_series(save(slices))


@pytest.mark.parametrize(
    ("text", "number", "derived"),
    [
        ("Metal artifact reduction: Normalized MAR 1.3.0, marview 0.2.0", "1003", "Normalized MAR of series 3"),
        ("Metal Artifact Reduction", "1003", "Metal artifact reduction of series 3"),
        ("metal artifact reduction", "7", "Metal artifact reduction"),
        ("resampled", "1003", ""),
    ],
)
def test_a_corrected_series_says_how_it_was_made(slices, save, text: str, number: str, derived: str) -> None:
    series = opened(slices, save, DerivationDescription=text, SeriesNumber=number).series
    assert series.derived == derived


def test_a_series_without_a_description_is_named_by_its_number(slices, save) -> None:
    series = opened(slices, save, SeriesDescription="", SeriesNumber="12").series
    assert series.description == "Series 12"
    assert series.modality == "CT"
    assert len(series) == 5
    assert series.path.name == "series"


@pytest.mark.parametrize(
    ("lacking", "says"), [("FrameOfReferenceUID", "lacks the frame of reference"), ("StudyInstanceUID", "lacks a UID")]
)
def test_nothing_refers_to_slices_without_their_identifiers(slices, save, lacking: str, says: str) -> None:
    for each in slices:
        delattr(each, lacking)
    loaded = dicom.open_series(save(slices))
    with pytest.raises(BadInput, match=rf"000\.dcm {says}.*a DICOM SEG.*Use NIfTI\."):
        refuse_unreferable(loaded, "a DICOM SEG", "Use NIfTI.")
