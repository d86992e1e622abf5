"""The verb `benchmark`: from names on the command line to tables."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from marview.dicom.atomic import check_file, claimed
from marview.evaluation.benchmark import Progress, run_benchmark
from marview.evaluation.case_set import find_protocol, list_cases
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.results import Results
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
    """Measure methods on the cases at a path; `run_benchmark` says what is written, `list_cases` what cases are.

    `tables.markdown` of the results is what the command prints, `Results.record` what `results.json` holds.

    Args:
        protocol: a named protocol; empty for the one the cases were made with, as `find_protocol` tells.
        methods: identifiers, in the order of the table; `learned` stands for all that have weights and learn no more.
        cases: the public layout, our case files, or clean slices.
        output: folder of the tables; one that holds an interrupted run of the same benchmark is taken up.
        parameters: of each method, by its identifier, where they differ from the defaults.
        masks: metal shapes for clean slices.
        material: of the metal in clean slices.
        is_mismatched: scan clean slices with finer rays, detector blur and a harder beam, which no method models.
        device: where methods run.
        on_progress: is told the share that is done and what is next.
        tell: hears which methods replace a bundled one.

    Raises:
        CannotWrite: nothing may be written to the output folder.
        UsageError: an unknown protocol or method, clean slices without masks, or a folder of another benchmark
            or of the scans themselves.
        BadInput: there are no cases.
    """
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
