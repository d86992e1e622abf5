"""Canary strings in every identifying tag reach no log, warning, temporary file name or error message."""

import logging
import re

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Derivation, write_derived_series
from marview.dicom.nifti import open_nifti
from marview.dicom.quiet import quiet
from marview.errors import BadInput

CANARY = "CANARY7Q"
TAGS = [
    "PatientName",
    "PatientID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
    "SeriesDescription",
]


@pytest.fixture
def marked(slices, save):
    with quiet():
        for dataset in slices:
            for keyword in TAGS:
                setattr(dataset, keyword, CANARY)
            dataset.PatientBirthDate = dataset.StudyDate = CANARY  # no date: pydicom's warning quotes it
            dataset.PatientAge = CANARY
        return save(slices)


@pytest.mark.filterwarnings("error")
def test_reading_and_writing_say_nothing_of_the_patient(marked, tmp_path, caplog, capfd, monkeypatch):
    names = []
    from marview.dicom import derive

    flushed = derive.write_flushed
    monkeypatch.setattr(derive, "write_flushed", lambda path, data: (names.append(str(path)), flushed(path, data)))
    with caplog.at_level(logging.DEBUG):
        loaded = dicom.open_series(marked)
        added = np.zeros(loaded.volume.hu.shape, np.float32)
        written = write_derived_series(loaded, added, Derivation("LI", "1"), tmp_path / "out")
        text = [caplog.text, *capfd.readouterr(), *names, *map(str, written.files), repr(loaded.sources[0].source)]
    assert not any(CANARY in one for one in text)
    assert written.files[0].read_bytes().count(CANARY.encode()) >= len(TAGS), "but it is in the result, unchanged"


def test_refusals_say_nothing_of_the_patient(marked, tmp_path):
    sentences = []
    for path in sorted(marked.iterdir()):
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadInput) as refusal:
        dicom.open_series(marked)
    sentences.append(str(refusal.value))
    report = dicom.check(dicom.scan(marked).series[0])
    sentences += [finding.sentence for finding in report.findings]
    assert sentences
    assert not any(CANARY in sentence for sentence in sentences)


def test_printed_headers_and_studies_name_no_patient(marked):
    found = dicom.scan(marked)
    assert CANARY not in repr(found) + repr(found.studies[0]) + repr(found.series[0].slices[0])


def test_exceptions_of_libraries_are_logged_by_type_and_line(tmp_path, caplog):
    damaged = tmp_path / "DOE^JANE.nii"
    damaged.write_bytes(b"\x5c\x01\0\0" + bytes(400))
    with pytest.raises(BadInput, match="JANE"):
        open_nifti(damaged)
    (said,) = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert re.fullmatch(r"a file was refused: \w+ at \w+\.py:\d+", said)
    assert "JANE" not in caplog.text
