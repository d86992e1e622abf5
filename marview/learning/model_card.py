"""The model card of a trained network: training data, duration, hardware and measured errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marview.export import whole_file
from marview.learning.journal import read_curve
from marview.learning.measure import title
from marview.learning.record import read_record

CARD = "model_card.md"
_FAILS = "**When it fails.**"
_UNWRITTEN = "Say what a reader should look out for."
"""Placeholder text in the README of a new method, until its author replaces it."""

_SIMULATED = (
    "For research, not for primary diagnosis. The network was trained on simulated metal only: compare every result on "
    "real implants with the uncorrected image."
)
_REAL = (
    "For research, not for primary diagnosis. The network was trained on real scans with metal, for which there is "
    "no ground truth: compare every result with the uncorrected image."
)
_WHOSE = (
    "From the method's README. Its figures were measured with the weights that come with the method, not with the "
    "weights of this run."
)


def write_card(run: Path, method: Path) -> Path:
    """Write the model card of a run to its folder, and return the path.

    Args:
        run: folder of the run.
        method: folder of the method's code, whose README describes when the method fails.

    Raises:
        BadInput: the run's record cannot be read.
        CannotWrite: the disk is full or read-only.
    """
    text = card(read_record(run), read_curve(run), failures_in(method / "README.md"))
    with whole_file(run / CARD) as part:
        part.write_text(text, encoding="utf-8")
    return run / CARD


def card(record: Mapping[str, Any], curve: Sequence[Mapping[str, str]], failures: str = "") -> str:
    """Describe a run in Markdown.

    Args:
        record: record of the run.
        curve: learning curve of the run, oldest row first.
        failures: text about the known failures of the method.
    """
    sessions = record["sessions"]
    parts = [
        f"# {record['title']}: weights of size {record['size']}",
        _SIMULATED if not any(each.get("has_real_metal") for each in sessions) else _REAL,
        _table(_facts(record, sessions)),
        "## Training data",
        "\n".join(f"- {line}" for line in dict.fromkeys(_origin(sessions))),
        "## Sessions",
        _rows(
            ("steps", "minutes", "hardware"),
            [(f"{each['first_step']} to {each['last_step']}", each["minutes"], each["hardware"]) for each in sessions],
        ),
        *(
            f"The recipe changed at step {each['first_step']:,}: {'; '.join(each['changes'])}."
            for each in sessions
            if each.get("changes")
        ),
        "## Held-out slices during training",
        _curve(curve),
        *(["## Known failures of the method", _WHOSE, failures] if failures else []),
    ]
    return "\n\n".join(parts) + "\n"


def failures_in(readme: Path) -> str:
    """Return the README paragraph on a method's failures; empty if there is none."""
    if not readme.is_file():
        return ""
    said = readme.read_text(encoding="utf-8").partition(_FAILS)[2].partition("\n\n")[0].strip()
    return "" if said == _UNWRITTEN else said


def _facts(record: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> list[tuple[str, object]]:
    recipe, last = record["recipe"], sessions[-1]
    data, run, how = recipe["data"], recipe["run"], recipe["optimiser"]
    begun = record.get("begins_with")
    return [
        ("method", f"{record['method']} {record['version']}"),
        ("parameters", f"{record['parameters']:,}"),
        ("network", ", ".join(f"{name} = {value}" for name, value in recipe["network"].items()) or "as published"),
        *([("initial weights", begun)] if begun else []),
        *([] if last.get("has_own_pairs") else _scans(data)),
        ("steps", f"{last['last_step']:,} of {run['steps']:,}, slices in a batch: {data['batch']}"),
        ("optimiser", f"{how['name']}, learning rate {how['learning_rate']:g}"),
        ("seed", run["seed"]),
        ("minutes", f"{last['minutes']:g}"),
        ("software", f"marview {record['marview']}, PyTorch {record['torch']}"),
    ]


def _scans(data: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        ("protocols", ", ".join(dict.fromkeys(data["protocols"]))),
        ("metals", ", ".join(data["metal"]["materials"])),
        ("re-projected images", f"{data['reprojected']:.0%} of the batches"),
        ("photons", f"{data['photons'][0]:g} to {data['photons'][1]:g} times the number in the protocol"),
    ]


def _origin(sessions: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for each in sessions:
        lines.append(str(each["data"]))
        lines.extend(each.get("collections", ()))
    return lines


def _curve(curve: Sequence[Mapping[str, str]]) -> str:
    """Return the first row, the last row and some rows in between of the measurements on held-out slices."""
    names = [
        name for name in (curve[-1] if curve else {}) if name.startswith("validation ") or name.endswith("rmse_hu")
    ]
    if not names:
        return "Nothing was measured."
    every = max(1, len(curve) // 8)
    chosen = [row for k, row in enumerate(curve) if k % every == 0 or k == len(curve) - 1]
    return _rows(
        ("step", "minutes", *(", ".join(filter(None, title(name))) for name in names)),
        [(row["step"], row.get("minutes", ""), *(row.get(name, "") for name in names)) for row in chosen],
    )


def _table(facts: Sequence[tuple[str, object]]) -> str:
    return _rows(("", ""), facts)


def _rows(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
