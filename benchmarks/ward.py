"""Create forty studies for tests of unattended correction with `marview demo` and `marview simulate`."""

import gzip
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

SLICES = 4
"""Number of slices in each study."""
WITH_METAL, WITHOUT_METAL, DERIVED, BROKEN = 28, 5, 2, 5
SURNAME, PATIENT_ID, BIRTH_DATE, STUDY_DATE = "CANARYNAME", "CANARYID", "19330303", "20240404"
"""Patient data that no log, file name or table may contain."""
_COMPRESSED: tuple[UID | None, ...] = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
_SIMULATED = {"plate": "13-24", "hip-left": "25-36"}
"""Implants and their slices."""


def make_ward(folder: Path) -> Path:
    """Make the studies in `folder / "ward"`, beside their sources, and return the ward.

    28 studies contain metal; half of these are compressed, and every seventh is a zip file. Five contain no metal, two
    are derived and five are damaged.
    """
    demo, ward = folder / "demo", folder / "ward"
    if ward.exists():
        return ward
    if not demo.exists():
        _run("demo", "--kind", "hip", "--no-window", "--output", demo)
    sources = [_files(demo / "study")]
    for implant, slices in _SIMULATED.items():
        simulated = folder / implant
        if not simulated.exists():
            _run("simulate", demo / "truth", "--implant", implant, "--slices", slices, "--output", simulated)
        sources.append(_files(simulated / "study"))
    chunks = [
        files[at : at + SLICES] for files in (sources[0][:32], *sources[1:]) for at in range(0, len(files), SLICES)
    ]
    clean = _files(demo / "truth")
    part = folder / "ward.part"
    shutil.rmtree(part, ignore_errors=True)
    for number in range(WITH_METAL):
        syntax = None if number < len(chunks) else _COMPRESSED[number % len(_COMPRESSED)]
        study = _study(part / f"metal-{number:02}", chunks[number % len(chunks)], number, syntax)
        if number % 7 == 3:
            _zip(study)
    for number in range(WITHOUT_METAL):
        _study(
            part / f"plain-{number}",
            clean[number * SLICES :][:SLICES],
            100 + number,
            _COMPRESSED[0] if number % 2 else None,
        )
    for number in range(DERIVED):
        _study(part / f"derived-{number}", chunks[number], 200 + number, is_derived=True)
    _break(
        [_study(part / f"broken-{number}", chunks[number], 300 + number, JPEGLSLossless) for number in range(BROKEN)]
    )
    part.rename(ward)
    return ward


def expected(name: str) -> set[str]:
    """Return the possible final states of the study with this name."""
    return {"metal": {"done"}, "plain": {"skipped"}, "derived": {"skipped"}}.get(
        name.partition("-")[0], {"failed", "skipped"}
    )


def _study(
    folder: Path, files: Sequence[Path], number: int, syntax: UID | None = None, *, is_derived: bool = False
) -> Path:
    """Write some slices as a study of a new patient."""
    folder.mkdir(parents=True)
    study, series, frame = (generate_uid(entropy_srcs=[kind, str(number)]) for kind in ("study", "series", "frame"))
    for position, file in enumerate(files, 1):
        slice_ = pydicom.dcmread(file)
        slice_.PatientName, slice_.PatientID = f"{SURNAME}^{number}", f"{PATIENT_ID}{number}"
        slice_.PatientBirthDate, slice_.StudyDate = BIRTH_DATE, STUDY_DATE
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.SOPInstanceUID = generate_uid(entropy_srcs=["slice", str(number), str(position)])
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.InstanceNumber = position
        if is_derived:
            slice_.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        if syntax is not None:
            slice_.compress(syntax, generate_instance_uid=False)
        slice_.save_as(folder / f"{position:03}.dcm")
    return folder


def _zip(study: Path) -> None:
    with zipfile.ZipFile(study.with_suffix(".zip"), "w") as archive:
        for file in _files(study):
            archive.write(file, f"study/{file.name}")
    shutil.rmtree(study)


def _break(studies: Sequence[Path]) -> None:
    """Damage five studies, each in a different way."""
    cut, short, archive, noise, volume = studies
    for file in _files(cut):  # an interrupted transfer: headers without pixels
        file.write_bytes(file.read_bytes()[:700])
    for file in _files(short):  # half of the pixels
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
    _zip(archive)
    zipped = archive.with_suffix(".zip")
    content = zipped.read_bytes()
    zipped.write_bytes(content[: len(content) * 2 // 3])
    random = np.random.default_rng(0)
    for file in _files(noise):  # a faulty disk: a quarter of the file is noise
        content = file.read_bytes()
        kept = len(content) * 3 // 4
        file.write_bytes(content[:kept] + random.bytes(len(content) - kept))
    shutil.rmtree(volume)
    volume.mkdir()
    (volume / "scan.nii.gz").write_bytes(gzip.compress(random.bytes(4096)))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.dcm"))


def _run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "marview", *map(str, words)], check=True)
