"""Kill marview at random moments and check what is left: `killing.py NUMBER [FIRST]` prints the problems.

Each kill has its own folders for temporary files and settings, and a mark in the environment that identifies all its
processes, even after their parent has ended.
"""

import contextlib
import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from marview.dicom import open_series
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.mask_file import read_mask
from marview.geometry import Grid
from marview.learning.weights import read_tensors

SEED = 20_261_128
SHAPE = (8, 96, 96)
STUDIES = 3
"""In a batch."""
ENDS_WITHIN_S = 20.0
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Verb:
    """A command to kill.

    Attributes:
        words: command line; `OUT` stands for the target.
        target: name of the target.
        check: raises if an existing target is not complete.
        module: Python module to run.
        resumed: further words that resume killed work; empty to start again.
    """

    words: tuple[str, ...]
    target: str
    check: Callable[[Path], object]
    module: str = "marview"
    resumed: tuple[str, ...] = ()


@dataclass
class Desk:
    """The folders of one campaign."""

    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hu = np.full(SHAPE, -1000, np.int16)
        y, x = np.mgrid[-48:48, -48:48] + 0.5
        hu[:, np.hypot(y, x) < 40] = 30
        clean = hu.copy()
        hu[2:6, np.hypot(y, x - 15) < 3] = 8000
        hu[2:6, np.hypot(y, x + 15) < 3] = 8000
        grid = Grid.from_spacing(SHAPE, (3.0, 2.0, 2.0))
        write_ct_series(hu, grid, self.study, Labels("KILL^ONE", "KILL", "A study", "Two pins"), seed="kill")
        for number in range(STUDIES):
            labels = Labels(f"KILL^{number}", f"KILL{number}", "A study", "Two pins")
            write_ct_series(hu, grid, self.studies / str(number), labels, seed=f"kill {number}")
        np.save(self.folder / "clean.npy", clean)

    @property
    def study(self) -> Path:
        """Return the source study."""
        return self.folder / "study"

    @property
    def studies(self) -> Path:
        """Return the source studies of a batch."""
        return self.folder / "studies"

    def verbs(self) -> dict[str, Verb]:
        """Return all verbs that write."""
        study, method = str(self.study), ("--method", "linear_interpolation")
        training = ("--size", "tiny", "--device", "cpu", "--max-minutes", "0.3", "--output", "OUT")
        return {
            "reduce": Verb(("reduce", study, *method, "--output", "OUT"), "out", self._series),
            "reduce nifti": Verb(
                ("reduce", study, *method, "--format", "nifti", "--output", "OUT"), "out", self._files(3)
            ),
            "reduce png": Verb(("reduce", study, *method, "--format", "png", "--output", "OUT"), "out", self._files(8)),
            "mask seg": Verb(("mask", study, "--output", "OUT"), "mask.dcm", self._mask),
            "mask nrrd": Verb(("mask", study, "--output", "OUT"), "mask.nrrd", self._mask),
            "sweep": Verb(("sweep", study, *method, "--margins", "0,1", "--output", "OUT"), "out", self._files(2)),
            "batch": Verb(
                ("batch", str(self.studies), *method, "--workers", "1", "--output", "OUT"),
                "out",
                self._batch,
                resumed=("--resume",),
            ),
            "window": Verb((study, "OUT"), "out", self._series, module="tests.kills.window_export"),
            "train": Verb(("train", "cnnmar", "--data", str(self.folder / "clean.npy"), *training), "run", _run),
        }

    def _series(self, target: Path) -> None:
        assert open_series(target).volume.hu.shape == SHAPE

    def _batch(self, target: Path) -> None:
        for folder in target.glob("study-*"):
            self._series(folder)

    def _mask(self, target: Path) -> None:
        assert read_mask(target, open_series(self.study)).mask.any()

    def _files(self, least: int) -> Callable[[Path], None]:
        def check(target: Path) -> None:
            files = [path for path in target.rglob("*") if path.is_file()]
            assert len(files) >= least
            assert all(path.stat().st_size for path in files)

        return check


def _run(folder: Path) -> None:
    """Check that the saved files of a run are complete."""
    for name in ("state.safetensors", "weights.safetensors"):
        if (folder / name).exists():
            read_tensors(folder / name)


def kill_once(desk: Desk, name: str, share: float) -> list[str]:
    """Kill a verb after a fraction of its duration; return the problems."""
    verb, mark = desk.verbs()[name], uuid.uuid4().hex
    place = desk.folder / mark
    temporary = place / "tmp"
    temporary.mkdir(parents=True)
    target = place / "result" / verb.target
    before = _content(desk.folder)
    environment = os.environ | {
        "MARVIEW_KILL_MARK": mark,
        "TMPDIR": str(temporary),
        "XDG_DATA_HOME": str(place / "data"),
        "XDG_STATE_HOME": str(place / "state"),
    }
    process = _start(verb, target, environment)
    if name not in desk.seconds:  # once to the end, to measure its duration
        began = time.monotonic()
        process.wait()
        desk.seconds[name] = time.monotonic() - began
        verb.check(target)
        return [f"{name} failed without being killed"] if process.returncode else []
    time.sleep(share * desk.seconds[name])
    held = _scratch_of(mark)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wrong = []
    if left := _still_there(mark):
        wrong.append(f"{len(left)} processes live {ENDS_WITHIN_S:.0f} s after their parent was killed")
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    if target.exists():
        try:
            verb.check(target)
        except Exception as why:  # noqa: BLE001 - any exception means that the target is not whole
            wrong.append(f"{target.name} is there and not whole: {why!r}")
    if verb.resumed:
        wrong += _resume(verb, target, environment)
    if _content(desk.folder) != before:
        wrong.append("the source is not what it was")
    again = place / "result" / "next.nii.gz"
    done = _start(Verb(("mask", str(desk.study), "--output", "OUT"), "", read_tensors), again, environment)
    done.wait()
    if done.returncode:
        wrong.append(f"the next start ended with {done.returncode}")
    wrong += [f"{path.name} is left beside the target" for path in (place / "result").glob(".part-*")]
    wrong += [f"{path.name} is left in the temporary folder" for path in temporary.iterdir()]
    wrong += [f"{folder} is left in shared memory" for folder in held if folder.exists()]
    return wrong


def _resume(verb: Verb, target: Path, environment: dict[str, str]) -> list[str]:
    """Resume a killed batch; check that all studies are corrected and earlier results unchanged."""
    results = {path: path.stat().st_mtime_ns for path in target.glob("study-*/*")}
    process = _start(replace(verb, words=(*verb.words, *verb.resumed)), target, environment)
    process.wait()
    if process.returncode:
        return [f"the batch that goes on ended with {process.returncode}"]
    verb.check(target)
    wrong = []
    if any(path.stat().st_mtime_ns != written for path, written in results.items()):
        wrong.append("a study was corrected twice")
    with (target / "summary.csv").open(newline="", encoding="utf-8") as table:
        states = [row["state"] for row in csv.DictReader(table)]
    if states != ["done"] * STUDIES or len(list(target.glob("study-*"))) != STUDIES:
        wrong.append(f"the studies ended {states} in {sorted(path.name for path in target.iterdir())}")
    return wrong


def _start(verb: Verb, target: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    program = [sys.executable, "-m", verb.module, *(str(target) if word == "OUT" else word for word in verb.words)]
    return subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _still_there(mark: str) -> list[int]:
    """Return marked processes that do not end in time."""
    end = time.monotonic() + ENDS_WITHIN_S
    while (left := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    return left


def _marked(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _content(desk: Path) -> dict[str, str]:
    """Return digests of the sources."""
    sources = [*(desk / "study").rglob("*"), *(desk / "studies").rglob("*")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sources if path.is_file()}


def _scratch_of(mark: str) -> set[Path]:
    """Return the shared memory folders of marked processes."""
    found = set()
    for pid in _marked(mark):
        with contextlib.suppress(OSError):
            found |= {one.readlink().parent for one in Path(f"/proc/{pid}/fd").iterdir()}
    return {folder for folder in found if folder.is_relative_to(SHARED_MEMORY) and folder != SHARED_MEMORY}


def campaign(folder: Path, number: int, first: int = 0) -> list[str]:
    """Kill `number` times, each verb in turn; return the problems by number of the kill."""
    desk, wrong = Desk(folder), []
    names = list(desk.verbs())
    for name in names:
        wrong += [f"{name}: {one}" for one in kill_once(desk, name, 1.0)]
    for k in range(first, first + number):
        name = names[k % len(names)]
        share = float(np.random.default_rng((SEED, k)).uniform(0.05, 1.05))
        found = [f"kill {k} of {name} after {share:.0%}: {one}" for one in kill_once(desk, name, share)]
        wrong += found
        print(k, name, f"{share:.2f}", *found, flush=True)
    return wrong


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="marview-kills-") as scratch:
        bad = campaign(Path(scratch), int(sys.argv[1]), *map(int, sys.argv[2:3]))
    print(*bad, f"{sys.argv[1]} kills, {len(bad)} wrong", sep="\n")
