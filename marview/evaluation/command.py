"""Run the `benchmark` command, which measures methods and writes result tables."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from marview.dicom.atomic import check_file, claimed, refuse_occupied
from marview.evaluation.benchmark import Progress, run_benchmark
from marview.evaluation.case_set import find_protocol, list_cases
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.results import Results
from marview.evaluation.store import PLAN
from marview.evaluation.taking_part import expand
from marview.mar import discover
from marview.mar.messages import Device
from marview.originals import refuse_original
from marview.physics import MISMATCHED
from marview.physics import protocol as named_protocol


def benchmark(
    protocol: str,
    methods: Sequence[str],
    cases: Path,
    output: Path,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    masks: Path | None = None,
    material: str = "ti",
    is_mismatched: bool = False,
    device: Device = "auto",
    on_progress: Progress = lambda _fraction, _text: None,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Results:
    """Measure methods on the cases at a path and write result tables to a folder.

    `list_cases` describes the cases, and `run_benchmark` describes the output files. The command prints the
    results as `tables.markdown` formats them; `results.json` contains `Results.record`.

    Args:
        protocol: name of a protocol; if empty, `find_protocol` detects it from the cases.
        methods: method identifiers, in table order; `learned` stands for all methods with weights, except
            those that learn from the scan.
        cases: folder in the SynDeepLesion layout, case files, or clean slices.
        output: folder for the tables; an interrupted run of the same benchmark in this folder is resumed.
        parameters: non-default parameter values of each method, by method identifier.
        masks: metal shapes for clean slices.
        material: material of the metal in clean slices.
        is_mismatched: whether to simulate the scan of clean slices with finer rays, detector blur and a
            harder beam, effects that the methods do not model.
        device: device for the methods.
        on_progress: called with the completed fraction and a description of the next step.
        tell: called with a message about each method that replaces a bundled one.

    Raises:
        CannotWrite: the output folder cannot be written.
        UsageError: the protocol or a method is unknown, `masks` is missing for clean slices, or the
            output folder contains another benchmark, other files or the scans themselves.
        BadInput: there are no cases.
    """
    if not (output / PLAN).is_file():
        refuse_occupied(output.absolute())
    check_file(output / "results.json")
    scan = named_protocol(protocol) if protocol else find_protocol(cases)
    scanner = MISMATCHED if is_mismatched else None
    with claimed(output), WorkerMethods(device) as correct:
        chosen = expand(methods, discover())
        entries = [correct.entry(method, (parameters or {}).get(method)) for method in chosen]
        for notice in correct.notices(chosen):
            tell(notice)
        listed = list_cases(cases, scan, masks=masks, material=material, scanner=scanner)
        refuse_original(output)
        source = [str(cases.resolve())] + ([str(masks.resolve()), material] if masks is not None else [])
        if is_mismatched:
            source.append("mismatched scanner")
        return run_benchmark(
            scan.name, listed, entries, output, source=" ".join(source), correct=correct, on_progress=on_progress
        )
