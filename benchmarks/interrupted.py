"""Kill and resume a batch of forty studies repeatedly: python -m benchmarks.interrupted FOLDER [--kills 20].

One batch runs undisturbed. A second batch is killed with SIGKILL at random moments and resumed each time. Both must
have the same job table and write the same pixels. No study may be corrected twice, no incomplete series may appear, and
no process may be left running.
"""

import argparse
import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom

from benchmarks.ward import BIRTH_DATE, PATIENT_ID, SLICES, STUDY_DATE, SURNAME, expected, make_ward

_MARK = "MARVIEW_BENCHMARK_MARK"
_ENDS_WITHIN_S = 60.0


def main() -> None:
    """Run both batches and print the problems; the exit code is 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the studies and the results")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--method", default="nmar")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ward = make_ward(arguments.folder)
    run = Path(arguments.folder, f"run-{uuid.uuid4().hex[:8]}")
    run.mkdir()
    whole, broken = run / "unbroken", run / "killed"
    sources = _digests(ward)

    started = time.monotonic()
    batch = _start(ward, whole, arguments.method)
    while batch.poll() is None and not [*whole.glob("study-*")]:
        time.sleep(0.05)
    until_first = time.monotonic() - started
    batch.wait()
    seconds = time.monotonic() - started
    print(
        f"unbroken: exit code {batch.returncode}, {seconds:.0f} s, first result after {until_first:.0f} s", flush=True
    )

    wrong = _kill_often(ward, broken, arguments, until_first, (seconds - until_first) * 2 / arguments.kills)
    last = _start(ward, broken, arguments.method)
    last.wait()
    wrong += [f"the last run ended with {last.returncode}"] if last.returncode != batch.returncode else []
    wrong += _compare(whole, broken)
    wrong += _disclosed(run)
    if _digests(ward) != sources:
        wrong.append("a source file has changed")
    states = Counter(row["state"] for row in _table(broken))
    print(", ".join(f"{number} {state}" for state, number in sorted(states.items())))
    print(*wrong, f"{arguments.kills} kills, {len(wrong)} wrong", sep="\n")
    sys.exit(1 if wrong else 0)


def _kill_often(
    ward: Path, output: Path, arguments: argparse.Namespace, until_first: float, spread: float
) -> list[str]:
    """Start, kill and resume the batch repeatedly; return the problems."""
    random, wrong = np.random.default_rng(arguments.seed), []
    written: dict[Path, int] = {}
    for kill in range(arguments.kills):
        mark = uuid.uuid4().hex
        batch = _start(ward, output, arguments.method, mark)
        # A third of the kills happen at any moment, the others around the time of the first results.
        least = 0.0 if kill % 3 == 0 else 0.7 * until_first
        after = float(random.uniform(least, until_first + spread))
        time.sleep(after)
        ended = batch.poll() is not None
        batch.send_signal(signal.SIGKILL)
        batch.wait()
        folders = [*output.glob("study-*")]
        print(
            f"kill {kill + 1} after {after:.1f} s: {len(folders)} results{', at the end already' if ended else ''}",
            flush=True,
        )
        if left := _still_there(mark):
            wrong.append(f"kill {kill + 1}: {left} processes were left running")
        wrong += [f"kill {kill + 1}: {folder.name} is not complete" for folder in folders if not _is_whole(folder)]
        for path, time_ns in written.items():
            if not path.exists() or path.stat().st_mtime_ns != time_ns:
                wrong.append(f"kill {kill + 1}: {path.parent.name} was corrected twice")
        written = {path: path.stat().st_mtime_ns for folder in folders for path in folder.iterdir()}
    return wrong


def _start(ward: Path, output: Path, method: str, mark: str = "") -> "subprocess.Popen[bytes]":
    words = ["batch", str(ward), "--method", method, "--output", str(output)]
    if (output / "jobs.sqlite").exists():
        words.append("--resume")
    with output.with_suffix(".log").open("ab") as log:
        environment = os.environ | {_MARK: mark}
        return subprocess.Popen([sys.executable, "-m", "marview", *words], env=environment, stdout=log, stderr=log)


def _is_whole(folder: Path) -> bool:
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    return len(slices) == SLICES and all(slice_.pixel_array.any() for slice_ in slices)


def _compare(whole: Path, broken: Path) -> list[str]:
    """Return the differences of the killed batch from the other batch, in job table and pixels."""
    one, other = _table(whole), _table(broken)
    wrong = [f"row {left} became {right}" for left, right in zip(one, other, strict=False) if left != right]
    wrong += [f"{len(one)} rows became {len(other)}"] if len(one) != len(other) else []
    for row in other:
        name = next(
            part for part in Path(row["input"]).parts if part.startswith(("metal", "plain", "derived", "broken"))
        )
        if row["state"] not in expected(name):
            wrong.append(f"{name} is {row['state']}: {row['reason']}")
        if (row["state"] == "done") == bool(row["reason"]):
            wrong.append(f"{name} is {row['state']} and says {row['reason']!r}")
    results = [_pixels(output) for output in (whole, broken)]
    if results[0] != results[1]:
        wrong.append(f"pixels differ: {len(results[0])} and {len(results[1])} studies")
    wrong += [f"{path.name} is left" for path in broken.iterdir() if path.name.startswith(".")]
    return wrong


def _table(output: Path) -> list[dict[str, str]]:
    """Return the rows of the summary without the seconds."""
    with (output / "summary.csv").open(newline="", encoding="utf-8") as lines:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(lines)]


def _pixels(output: Path) -> dict[str, list[str]]:
    return {
        folder.name: [
            hashlib.sha256(slice_.PixelData).hexdigest() for slice_ in map(pydicom.dcmread, sorted(folder.iterdir()))
        ]
        for folder in sorted(output.glob("study-*"))
    }


def _disclosed(run: Path) -> list[str]:
    """Return file names and files, except corrected images, that disclose a patient."""
    words = [word.encode() for word in (SURNAME, PATIENT_ID, BIRTH_DATE, STUDY_DATE)]
    wrong = []
    for path in run.rglob("*"):
        content = path.read_bytes() if path.is_file() and path.suffix != ".dcm" else b""
        wrong += [f"{path} contains {word!r}" for word in words if word in path.name.encode() or word in content]
    return wrong


def _still_there(mark: str) -> int:
    """Return the number of batch processes that have not ended in time; on Linux only."""
    end = time.monotonic() + _ENDS_WITHIN_S
    while (left := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    return left


def _marked(mark: str) -> int:
    found = 0
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += f"{_MARK}={mark}".encode() in environment.read_bytes()
        except OSError:
            continue
    return found


def _digests(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
