"""Open many damaged files in child processes: `campaign.py NUMBER [FIRST] [PLACE]` prints the problems."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH = 1000


@dataclass(frozen=True)
class Problem:
    """A failure that users must not see."""

    mutant: int
    place: str
    text: str

    def __str__(self) -> str:
        return f"mutant {self.mutant} of {self.place}:\n{self.text}"


def campaign(number: int, first: int = 0, only: str = "") -> list[Problem]:
    """Open `number` mutants; if a process dies, its mutant is a problem, and another process continues."""
    problems, end = [], first + number
    while first < end:
        with tempfile.TemporaryDirectory(prefix="marview-fuzz-") as folder:
            count = min(BATCH, end - first)
            words = [sys.executable, "-m", "tests.fuzz.child", str(first), str(count), f"{folder}/f", only]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "MARVIEW_THREADS": "1"}
            done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
            records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            problems += [Problem(one["mutant"], one["place"], one["problem"]) for one in records if "problem" in one]
            if records and "done" in records[-1]:
                first += count
                continue
            at = Path(folder, "f", "at")
            if not at.exists():
                raise RuntimeError(done.stderr)
            mutant, _, place = at.read_text().partition(" ")
            problems.append(Problem(int(mutant), place, f"the process died ({done.returncode}): {done.stderr[-500:]}"))
            first = int(mutant) + 1
    return problems


if __name__ == "__main__":
    found = campaign(int(sys.argv[1]), *map(int, sys.argv[2:3]), *sys.argv[3:4])
    for one in found:
        print(one, flush=True)
    print(f"{sys.argv[1]} mutants, {len(found)} problems")
