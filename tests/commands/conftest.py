"""Fixtures: a small series with metal as files, and the command line as a user calls it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marview.cli import run
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid


@dataclass(frozen=True)
class Answer:
    """Exit code and output of the command line."""

    exit_code: int
    out: str
    err: str

    @property
    def record(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def marview(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*words: object) -> Answer:
        capsys.readouterr()
        exit_code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(exit_code, said.out, said.err)

    return call


METAL_SLICES = (1, 2)


@pytest.fixture(scope="session")
def metal_hu() -> np.ndarray:
    """Six slices of a water disc with bone, noise, and two pins of metal with a streak between them in two."""
    noise = np.random.default_rng(1).normal(0, 8, (6, 96, 96))
    y, x = np.mgrid[-48:48, -48:48] + 0.5
    hu = np.where(np.hypot(y, x) < 40, 20.0, -1000.0) + noise
    hu[:, np.hypot(y - 20, x) < 5] = 700
    for z in METAL_SLICES:
        hu[z][(np.abs(y) < 1.5) & (np.abs(x) < 20)] -= 250
        for side in (-18, 18):
            hu[z, np.hypot(y, x - side) < 3.2] = 8000
    return np.clip(np.rint(hu), -1024, 30000).astype(np.int16)


@pytest.fixture(scope="session")
def metal_series(tmp_path_factory: pytest.TempPathFactory, metal_hu: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("series") / "pins"
    labels = Labels("PINS^TWO", "PINS", "A study", "Two pins", body_part="PELVIS", kvp=120.0)
    write_ct_series(metal_hu, Grid.from_spacing((6, 96, 96), (3.0, 2.0, 2.0)), folder, labels, seed="pins")
    return folder


@pytest.fixture(scope="session")
def plain_series(tmp_path_factory: pytest.TempPathFactory, metal_hu: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("series") / "plain"
    labels = Labels("PLAIN^NONE", "PLAIN", "A study", "No metal")
    write_ct_series(
        np.minimum(metal_hu, 900), Grid.from_spacing((6, 96, 96), (3.0, 2.0, 2.0)), folder, labels, seed="plain"
    )
    return folder


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers on the loopback interface; output and files are in the folder `cluster`."""
    pytest.importorskip("distributed", reason="needs the extra `cluster`")
    folder = tmp_path / "cluster"
    folder.mkdir()
    port_file = folder / "scheduler.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(port_file))

    def start(kind: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *local, *words]
        with (folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    started = [start("scheduler", "--port", "0")]
    try:
        deadline = time.monotonic() + 120
        while not port_file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        alone = ("--nthreads", "1", "--nworkers", "1", "--no-nanny", "--local-directory")
        started += [start("worker", *alone, str(folder / f"w{n}")) for n in range(2)]
        yield json.loads(port_file.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()
