"""Unattended work discloses no patient data in logs, tables, summaries, messages or file names."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marview.batch.job import State
from marview.batch.table import JobTable
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

LI = ("--method", "linear_interpolation")
NAME, IDENTIFIER, DATES, UID = (
    "CANARYNAME",
    "CANARYID",
    ("19330303", "20240404", "1933-03-03", "2024-04-04"),
    "1.2.3.20240404",
)
SECRETS = (NAME, IDENTIFIER, *DATES, UID)


@pytest.fixture
def night(tmp_path: Path, metal_hu: np.ndarray) -> Path:
    """One study to correct, one without metal, one broken; every identifying tag is marked."""
    root = tmp_path / "night"
    grid = Grid.from_spacing(metal_hu.shape, (3.0, 2.0, 2.0))
    studies = {"pins": metal_hu, "plain": np.minimum(metal_hu, 900), "cut": metal_hu, "noise": metal_hu}
    for number, (name, hu) in enumerate(studies.items()):
        write_ct_series(hu, grid, root / name, Labels("A^B", "C", "A study", "Pins"), seed=name)
        for position, file in enumerate(sorted((root / name).iterdir())):
            mark(file, f"{UID}.{number}", position)
    for file in (root / "cut").iterdir():
        file.write_bytes(file.read_bytes()[:1100])
    for file in (root / "noise").iterdir():
        file.write_bytes(file.read_bytes()[:-5000])
    return root


def mark(file: Path, uid: str, position: int) -> None:
    dataset = pydicom.dcmread(file)
    dataset.PatientName, dataset.PatientID = f"{NAME}^X", IDENTIFIER
    dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.InstitutionName = NAME
    dataset.PatientBirthDate, dataset.StudyDate, dataset.SeriesDate = DATES[0], DATES[1], DATES[1]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (f"{uid}.{n}" for n in range(3))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.9.{position}"
    dataset.save_as(file)


class Witness:
    """Witness of every file name that appears under some folders; it reads the remaining files at the end."""

    def __init__(self, *folders: Path) -> None:
        self.names: set[str] = set()
        self._folders = folders
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            for folder in self._folders:
                for _, folders, files in os.walk(folder):
                    self.names.update(folders, files)

    def testimony(self, *said: str) -> bytes:
        self._done.set()
        self._thread.join()
        kept = [path for folder in self._folders[:-1] for path in folder.rglob("*") if path.is_file()]
        assert [path for path in kept if path.name == "jobs.sqlite"], "what was to be searched is not there"
        read = [path.read_bytes() for path in kept if path.suffix != ".dcm"]
        return b"\n".join([*read, *(name.encode() for name in self.names), *(text.encode() for text in said)])


def states(output: Path) -> list[State]:
    if not (output / "jobs.sqlite").exists():
        return []
    with JobTable(output / "jobs.sqlite") as table:
        return sorted(job.state for job in table.jobs())


ENDED = [State.DONE, State.FAILED, State.FAILED, State.SKIPPED]


@pytest.fixture
def unattended(tmp_path: Path, night: Path) -> Callable[..., bytes]:
    """Run a verb in a child process until every study has ended; return all files and output."""

    def run(verb: str, *words: str) -> bytes:
        output = tmp_path / "out"
        places = {"TMPDIR": tmp_path / "tmp", "XDG_STATE_HOME": tmp_path / "state", "XDG_DATA_HOME": tmp_path / "data"}
        for place in (*places.values(), output):
            place.mkdir()
        witness = Witness(output, *places.values(), Path("/dev/shm"))
        command = [sys.executable, "-m", "marview", verb, str(night), *LI, "--output", str(output), *words]
        environment = os.environ | {name: str(place) for name, place in places.items()}
        process = subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True, errors="replace")
        if verb == "watch":
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline and process.poll() is None and states(output) != ENDED:
                time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=280)
        assert states(output) == ENDED, said
        return witness.testimony(*said)

    return run


def told(testimony: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in testimony]


def test_batch_names_no_patient(unattended: Callable[..., bytes]) -> None:
    assert told(unattended("batch", "--workers", "1")) == []


def test_watch_names_no_patient(unattended: Callable[..., bytes]) -> None:
    assert told(unattended("watch", "--settle", "1")) == []


def test_a_cluster_names_no_patient(
    unattended: Callable[..., bytes], scheduler: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, _ = scheduler
    assert told(unattended("batch", "--scheduler", address)) == []
    places = list((tmp_path / "cluster").rglob("*"))
    assert told("\n".join(path.name for path in places).encode()) == []
    assert told(b"\n".join(path.read_bytes() for path in places if path.is_file())) == []
