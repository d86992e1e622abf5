"""The process that opens damaged files: `child.py FIRST NUMBER FOLDER [PLACE]` prints one line of JSON per failure.

Its memory and time are limited, and a crash ends only this process.
"""

import json
import logging
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from marview.errors import MarviewError

from .mutate import mutant
from .places import places

SECONDS = 20
MEMORY_BYTES = 2 << 30
SEED = 20_261_128


class TooLong(BaseException):
    """Opening the file took too long."""


def main(first: int, number: int, folder: Path, only: str = "") -> None:
    """Open the mutants `first` to `first + number - 1`; mutant k belongs to place k modulo the number of places."""
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("ignore")
    logging.disable()
    (folder / "whole").mkdir(parents=True)
    known = list(places(folder / "whole").items())
    used = _data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    for k in range(first, first + number):
        name, place = known[k % len(known)]
        if only and name != only:
            continue
        rng = np.random.default_rng((SEED, k))
        seed = place.seeds[int(rng.integers(len(place.seeds)))]
        target = folder / "mutant" / place.name
        target.parent.mkdir(parents=True)
        target.write_bytes(mutant(seed, rng))
        (folder / "at").write_text(f"{k} {name}")
        began = time.monotonic()
        problem = _problem_of(place.open, target)
        if problem:
            print(json.dumps({"mutant": k, "place": name, "seconds": time.monotonic() - began, "problem": problem}))
            sys.stdout.flush()
        shutil.rmtree(folder / "mutant")
    print(json.dumps({"done": number}))


def _problem_of(opened: object, target: Path) -> str:
    """Return the problem; empty if the file opens or is refused with a message."""
    signal.alarm(SECONDS)
    try:
        opened(target)  # type: ignore[operator]
    except MarviewError as refusal:
        sentence = str(refusal)
        is_sentence = sentence.endswith((".", "?")) and sentence[:1].strip() and sentence.isprintable()
        return "" if is_sentence else f"no sentence: {sentence!r}"
    except BaseException:  # noqa: BLE001 - every other exception is a finding
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return ""


def _too_long(*_: object) -> None:
    raise TooLong


def _data_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:5])
