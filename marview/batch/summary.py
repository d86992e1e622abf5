"""Summarise the jobs of a batch as sentences, a table, CSV and JSON lines."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from marview.batch.job import Job, State
from marview.dicom.atomic import whole_file
from marview.dicom.cannot_write import CannotWrite
from marview.errors import printable
from marview.text import count, tr

_KEPT = (
    "The corrected studies and the list of jobs are kept. Free some disk space, then repeat the command with --resume."
)
_FIELDS = ("number", "state", "input", "series", "slices", "corrected", "seconds", "output", "reason", "notes")


def records(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return one flat record per job."""
    return [
        {
            "number": job.number,
            "state": job.state.value,
            "input": str(job.source),
            "series": job.series,
            "slices": job.slices,
            "corrected": job.corrected,
            "seconds": round(job.seconds, 1),
            "output": job.folder if job.state is State.DONE else "",
            "reason": job.reason,
            "notes": list(job.notes),
        }
        for job in jobs
    ]


def as_csv(jobs: Sequence[Job]) -> str:
    """Return the records as CSV with a header line; multiple notes on a job are separated by spaces."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(record | {"notes": " ".join(record["notes"])} for record in records(jobs))
    return out.getvalue()


def as_json_lines(jobs: Sequence[Job]) -> str:
    """Return the records as JSON, one per line."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records(jobs))


def print_table(jobs: Sequence[Job], console: Console) -> None:
    """Print the jobs as a table, followed by the reasons why studies were not corrected."""
    table = Table(box=None, header_style="bold")
    for heading in ("study", "state", "slices", "corrected", "seconds", "input"):
        table.add_column(heading, overflow="fold")
    for job in jobs:
        figures = (str(job.corrected), f"{job.seconds:.1f}") if job.state is State.DONE else ("", "")
        words = (str(job.number), job.state.value, str(job.slices or ""), *figures, str(job.source))
        table.add_row(*(Text(printable(word)) for word in words))
    console.print(table)
    for job in jobs:
        if job.reason:
            console.print(Text(f"Study {job.number} {job.state.value}: {job.reason}"))
    console.print(sentence(jobs))


def line(job: Job) -> str:
    """Describe a finished job in one line."""
    changed = f", {count(job.corrected, 'slice')} in {job.seconds:.1f} s" if job.state is State.DONE else ""
    return f"study {job.number} {job.state.value}{changed}{f': {job.reason}' if job.reason else ''}"


def sentence(jobs: Sequence[Job]) -> str:
    """Return a sentence with the number of studies in each state."""
    numbers = Counter(job.state for job in jobs)
    parts = ", ".join(f"{numbers[state]} {tr(state.value)}" for state in State if numbers[state])
    return f"{count(len(jobs), 'study', 'studies')}: {parts or tr('nothing to do')}."


def write_summaries(jobs: Sequence[Job], folder: Path) -> None:
    """Write `summary.csv` and `summary.jsonl` to the output folder.

    If writing fails, no incomplete file is left behind.

    Raises:
        CannotWrite: the disk is full or read-only. The corrected studies and the job table are kept.
    """
    try:
        for name, text in (("summary.csv", as_csv(jobs)), ("summary.jsonl", as_json_lines(jobs))):
            with whole_file(folder / name) as part:
                part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    except CannotWrite as refusal:
        raise CannotWrite(refusal.what, refusal.why, _KEPT) from refusal
