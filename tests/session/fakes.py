"""Fakes of workers for tests of session and window, and a small series with metal."""

import contextlib
import dataclasses
import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid, TraceCoverage
from marview.mar import (
    Listing,
    Manifest,
    Outcome,
    Output,
    Progress,
    ReduceRequest,
    Run,
    SinogramRequest,
    SliceDone,
    TraceRequest,
)
from marview.mar.messages import Message, WeightsRead

SHAPE = (7, 64, 80)
METAL_SLICES = (2, 3, 4)
VIEWS, BINS = 40, 41

SCHEMA = {
    "properties": {
        "strength_hu": {"type": "number", "title": "Strength", "default": 10.0, "minimum": 0, "unit": "HU"},
        "rounds": {"type": "integer", "title": "Rounds", "default": 2, "minimum": 1, "maximum": 9},
        "source": {"enum": ["auto", "raw"], "title": "Source", "default": "auto", "type": "string"},
        "is_smooth": {"type": "boolean", "title": "Smooth", "default": False},
        "deep": {"type": "number", "title": "Deep", "default": 0.5, "advanced": True},
    }
}


def volume() -> np.ndarray:
    hu = np.full(SHAPE, -1000, np.int16)
    y, x = np.mgrid[:64, :80]
    hu[:, (y - 32) ** 2 + (x - 40) ** 2 < 28**2] = 40
    hu[:, 10:14, 30:34] = 700
    for z in METAL_SLICES:
        hu[z, 30:35, 38:44] = 3000 + z
    return hu


def write_series(
    folder: Path,
    name: str = "Small series",
    number: int = 1,
    hu: np.ndarray | None = None,
    study: str = "one study",
    patient: tuple[str, str] = ("TEST^NOBODY", "T1"),
) -> Path:
    hu = volume() if hu is None else hu
    grid = Grid.from_spacing(hu.shape, (2.0, 1.0, 1.0))
    labels = Labels(
        patient_name=patient[0],
        patient_id=patient[1],
        study_description="A test",
        series_description=name,
        series_number=number,
        body_part="CHEST",
        comments="",
        kvp=120.0,
    )
    write_ct_series(hu, grid, folder, labels, seed=name, study_seed=study)
    return folder


def damage_every_image(folder: Path) -> Path:
    """Compress the slices of a series, so that only decoding shows that their images are damaged."""
    for path in folder.iterdir():
        dataset = dcmread(path)
        dataset.compress(RLELossless)
        dataset.PixelData = encapsulate([b"\x02" + b"\0" * 3 + b"\x40" + b"\0" * 59 + b"\x81" * 2000])
        dataset.save_as(path)
    return folder


def listing(folder: Path, name: str = "fake", title: str = "Fake method") -> Listing:
    manifest = Manifest(id=name, title=title, version="2.1", api=1, entry="method:Method", outputs=("prior", "result"))
    return Listing(name, folder, "bundled", manifest)


class Mail:
    """Calls posted from other threads, run on request."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def post(self, call: Callable[[], None]) -> None:
        self._calls.put(call)

    def wait_until(self, is_so: Callable[[], object], timeout_s: float = 20.0) -> None:
        end = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < end, "it never came to be"
            try:
                self._calls.get(timeout=0.02)()
            except queue.Empty:
                continue


class FakeWorker:
    """Worker that adds 10 HU to slices with metal.

    `gate` holds a run back before its second slice; `ending` says how runs end; `made_by` names the method that made
    the pixels of a slice in place of the chosen one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = threading.Event()
        self.gate.set()
        self.ending = Outcome("done")
        self.weights: list[WeightsRead] = []
        self.made_by: dict[int, str] = {}
        self.requests: list[ReduceRequest] = []
        self.sinograms: list[SinogramRequest] = []
        self.traced: list[int] = []
        self.trace_gate = threading.Event()
        self.trace_gate.set()
        self.is_closed = self.is_failing_at_once = False
        self._count = 0

    def describe(self, method: str) -> dict:
        return SCHEMA

    def devices(self) -> list[dict]:
        return [{"name": "cpu", "title": "Two cores", "free_mb": 1000, "total_mb": 2000}]

    def close(self) -> None:
        self.is_closed = True
        self.gate.set()
        self.trace_gate.set()

    def _save(self, name: str, values: np.ndarray) -> str:
        self._count += 1
        path = self.folder / f"{name}_{self._count}.npy"
        np.save(path, values)
        return str(path)

    def sinogram(self, request: SinogramRequest, on_message: Callable[[Message], None]) -> Run:
        self.sinograms.append(request)
        run = Run(request, "", on_message, lambda run: None)
        threading.Thread(target=self._project, args=(request, run), daemon=True).start()
        return run

    def trace(self, request: TraceRequest) -> Run:
        """A trace as wide in each view as the number of columns with metal; `trace_gate` delays it."""
        self.traced.append(request.slice_index)
        run = Run(request, "", lambda message: None, lambda run: None)
        threading.Thread(target=self._mark, args=(request, run), daemon=True).start()
        return run

    def _mark(self, request: TraceRequest, run: Run) -> None:
        self.trace_gate.wait(30)
        coverage = TraceCoverage(0.0, 0, 0)
        with contextlib.suppress(ValueError):  # the session is closed
            columns = int(request.mask.array[request.slice_index].any(axis=0).sum())
            request.trace.array[:] = False
            request.trace.array[:, 100 : 100 + 4 * columns] = True
            coverage = TraceCoverage.of(request.trace.array)
        run.end(Outcome("done", report={"coverage": dataclasses.asdict(coverage)}))

    def _pictures(self, k: int) -> dict[str, np.ndarray]:
        base = np.full((VIEWS, BINS), 2.0 + k, np.float32)
        trace = np.zeros((VIEWS, BINS), bool)
        trace[:, 18:23] = k in METAL_SLICES
        return {"sinogram": base, "trace": trace, "li_sinogram": base - 1, "corrected_sinogram": base - 0.5}

    def _project(self, request: SinogramRequest, run: Run) -> None:
        for name, values in self._pictures(request.slice_index).items():
            if name != "corrected_sinogram":
                run.tell(Output(name, request.slice_index, self._save(name, values)))
        coverage = TraceCoverage.of(self._pictures(request.slice_index)["trace"])
        run.end(Outcome("done", report={"coverage": dataclasses.asdict(coverage)}))

    def reduce(self, request: ReduceRequest, on_message: Callable[[Message], None]) -> Run:
        self.requests.append(request)
        run = Run(request, "", on_message, self._cancel)
        threading.Thread(target=self._reduce, args=(request, run), daemon=True).start()
        return run

    def _cancel(self, run: Run) -> None:
        run.is_cancelled = True
        self.gate.set()

    def _reduce(self, request: ReduceRequest, run: Run) -> None:
        request.correction.array[:] = np.nan
        for number, k in enumerate(request.slices):
            if number == 1:
                self.gate.wait(30)
            if run.is_cancelled or self.is_closed:
                run.end(Outcome("cancelled", "Cancelled.", exit_code=130))
                return
            if number == (0 if self.is_failing_at_once else 1) and self.ending.state != "done":
                run.end(self.ending)
                return
            for each in self.weights if number == 0 else []:
                run.tell(each)
            request.correction.array[number] = 10.0
            for name, values in self._pictures(k).items():
                run.tell(Output(name, k, self._save(name, values)))
            run.tell(Output("prior", k, self._save("prior", np.full((416, 416), 33.0, np.float16))))
            run.tell(SliceDone(k, 30, 0.2, 0.01, made_by=self.made_by.get(k, "")))
            run.tell(Progress((number + 1) / len(request.slices)))
        report = {
            "device": "cpu",
            "seconds": 1.5,
            "notes": ["A note."],
            "parameters": {"strength_hu": 10.0},
        }
        run.end(Outcome("done", report=json.loads(json.dumps(report))))
