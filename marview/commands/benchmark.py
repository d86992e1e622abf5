"""Measure methods on cases with known truth; measure results against a truth."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.progress import Progress

from marview.commands.series import say
from marview.errors import BadInput, UsageError
from marview.mar.messages import Device
from marview.terminal import terminal


def print_benchmark(
    protocol: str,
    methods: str,
    cases: Path,
    output: Path,
    *,
    masks: Path | None = None,
    material: str = "ti",
    is_mismatched: bool = False,
    device: str = "auto",
) -> None:
    """Run the benchmark under a progress bar, write its tables to `output` and print the Markdown one.

    Raises:
        UsageError: an unknown protocol or method, or a folder of another benchmark.
        BadInput: there are no cases, or none of them could be used, which the tables tell of too.
    """
    from marview.evaluation.command import benchmark
    from marview.evaluation.tables import markdown

    named = [name.strip() for name in methods.split(",") if name.strip()]
    if not named:
        raise UsageError("--method names no method; say for instance --method linear_interpolation,nmar.")
    console = terminal(is_error=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("cases", total=1.0)
        results = benchmark(
            protocol,
            named,
            cases,
            output,
            masks=masks,
            material=material,
            is_mismatched=is_mismatched,
            device=cast("Device", device),
            on_progress=lambda fraction, text: bar.update(task, completed=fraction, description=text),
            tell=say,
        )
    print(markdown(results))
    if not any(row.slices for row in results.rows):
        raise BadInput(f"No case in {cases} could be used, so the tables are empty: they say why.")


def print_evaluation(
    results: Sequence[Path], truth: Path, mask: Path | None = None, protocol: str = "", *, as_json: bool = False
) -> None:
    """Print one table of results against their truth.

    Raises:
        BadInput: a volume cannot be read, or they differ in shape or place.
        UsageError: there is no such protocol.
    """
    from marview.evaluation.compare import evaluate

    found = evaluate(results, truth, mask, protocol)
    for note in found.notes:
        print(f"Note: {note}", file=sys.stderr)
    sys.stdout.write(found.json() + "\n" if as_json else found.text())
