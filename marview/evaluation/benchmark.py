"""Run every method on every case, measure and store each result immediately, and write tables and figures."""

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import BadInput, MethodFailed
from marview.evaluation.case import KnownCase, ListedCase
from marview.evaluation.figure import Strip, draw
from marview.evaluation.notes import Noted, count_notes
from marview.evaluation.results import CEILING, INPUT, LOOP, METAL_FREE, TITLES, Results, Row, SliceRecord
from marview.evaluation.store import Part, Store
from marview.evaluation.tables import markdown, slices_csv, summary_csv
from marview.export import write_text
from marview.methods.consistency import consistency_loop, model_of
from marview.metrics import measure_case
from marview.physics.attenuation import mu_to_hu
from marview.text import listing
from marview.threads import NO_THREAD, NoThread


@dataclass(frozen=True)
class Corrected:
    """A method's result on a case.

    Attributes:
        hu: HU `[slice, y, x]`, on the grid of the case.
        seconds: duration of the run.
        notes: the method's remarks on its result.
    """

    hu: NDArray[np.float32]
    seconds: float
    notes: tuple[Noted, ...] = ()


Tell = Callable[[float], None]
"""Function called with the finished fraction of a case, 0 to 1."""

Correct = Callable[["Entry", KnownCase, Tell], Corrected]
"""Function that runs a method on a case; it raises `MethodFailed` with a sentence."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Entry:
    """A method in the benchmark.

    Attributes:
        id: identifier of the method.
        title: name in the table.
        parameters: parameter values that differ from the defaults.
        version: version in the manifest; if it changes, the method is measured again.
        learns_from_scan: whether the method receives other slices of the case's scan to learn from.
    """

    id: str
    title: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    learns_from_scan: bool = False

    @property
    def key(self) -> dict[str, Any]:
        """Everything that determines the method's results, except the case."""
        return {"version": self.version, **self.parameters}


def run_benchmark(
    protocol: str,
    cases: Sequence[ListedCase],
    entries: Sequence[Entry],
    output: Path,
    *,
    source: str,
    correct: Correct,
    on_progress: Progress = lambda _fraction, _text: None,
) -> Results:
    """Measure every method on every case and write the tables.

    Each result is immediately stored in `output`. A call with the same arguments continues a stopped
    benchmark; later calls measure only new or changed methods and cases. If a case cannot be used or a
    method fails on it, the benchmark continues and the tables say why; identical failures share one
    message.

    Args:
        protocol: name of the protocol of the cases.
        cases: cases in the order in which they are measured.
        entries: the methods.
        output: folder for `results.json`, `table.md`, `table.csv`, `slices.csv`, `figures/METHOD.png`, `parts/`.
        source: origin of the cases; the output folder contains cases from only one source.
        correct: function that runs a method on a case.
        on_progress: called with the completed fraction and a description of the next step.

    Raises:
        CannotWrite: the disk is full or read-only; results stored earlier are kept.
        UsageError: `output` contains a benchmark of another protocol or source.
    """
    store = Store(output, {"protocol": protocol, "source": source})
    keys = _keys(cases, entries)
    wanted = {
        each.name: [row for row, key in keys[each.name].items() if store.get(each.name, row, key) is None]
        for each in cases
    }
    open_cases = [each for each in cases if wanted[each.name]]
    figures = output / "figures"
    failures: list[str] = []
    refused: dict[tuple[str, str], list[str]] = {}
    for number, (listed, reading) in enumerate(_read_ahead(open_cases)):
        try:
            known = reading.result()
        except BadInput as reason:
            failures.append(str(reason))
            continue
        rows = [row for row in wanted[listed.name] if row not in METAL_FREE or known.metal_free_sinogram is not None]
        for done, row in enumerate(rows):
            tell = _teller(
                on_progress, f"{listed.name}: {TITLES.get(row, row)}", (number, len(open_cases)), (done, len(rows))
            )
            tell(0.0)
            try:
                corrected = _make(row, known, entries, correct, tell)
            except MethodFailed as reason:
                refused.setdefault((row, str(reason)), []).append(listed.name)
                continue
            store.put(listed.name, row, keys[listed.name][row], _measure(corrected, known))
            _figure(figures, row).unlink(missing_ok=True)  # it shows slices of the earlier results
    failures += [f"{row} on {listing(names, 20)}: {reason}" for (row, reason), names in refused.items()]
    results = _collect(protocol, store, keys, entries, failures)
    _write(results, output)
    undrawn = [each for each in entries if not _figure(figures, each.id).is_file()]
    _draw_figures(results, cases, undrawn, correct, figures, on_progress)
    on_progress(1.0, "done")
    return results


_Keys = Mapping[str, Mapping[str, Mapping[str, Any]]]


def _keys(cases: Sequence[ListedCase], entries: Sequence[Entry]) -> _Keys:
    """Return, for each case and row, the record of method and files that determines the result."""
    rows: dict[str, dict[str, Any]] = {INPUT: {}, CEILING: {}, LOOP: {}} | {entry.id: entry.key for entry in entries}
    learning = {entry.id for entry in entries if entry.learns_from_scan}
    keys = {}
    for each in cases:
        files = {"case files": state} if (state := each.state_of_files()) else {}
        scan = {"scan": each.scan} if each.scan else {}
        keys[each.name] = {row: key | files | (scan if row in learning else {}) for row, key in rows.items()}
    return keys


def _read_ahead(cases: Sequence[ListedCase]) -> Iterator[tuple[ListedCase, "Future[KnownCase]"]]:
    """Yield each case once it is read; the next one is read or simulated while the methods run.

    Raises:
        NoThread: the system cannot start another thread.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="cases") as reader:
        try:
            ahead = [reader.submit(each.read) for each in cases[:1]]
        except (RuntimeError, MemoryError) as error:
            raise NoThread(NO_THREAD) from error
        for number, listed in enumerate(cases):
            current = ahead.pop()
            wait([current])  # at most two cases are in memory
            ahead += [reader.submit(each.read) for each in cases[number + 1 : number + 2]]
            yield listed, current


def _teller(on_progress: Progress, text: str, case: tuple[int, int], row: tuple[int, int]) -> Tell:
    """Convert progress on one case to progress of the whole benchmark."""

    def tell(fraction: float) -> None:
        share_of_case = (row[0] + min(max(fraction, 0.0), 1.0)) / row[1]
        on_progress((case[0] + share_of_case) / case[1], text)

    return tell


def _make(row: str, known: KnownCase, entries: Sequence[Entry], correct: Correct, tell: Tell) -> Corrected:
    if row == INPUT:
        return Corrected(known.uncorrected_hu, 0.0)
    if row in METAL_FREE:
        image = mu_to_hu(_without_metal(known, is_looped=row == LOOP))
        return Corrected(np.broadcast_to(image.numpy(), known.truth_hu.shape), 0.0)
    corrected = correct(next(entry for entry in entries if entry.id == row), known, tell)
    if corrected.hu.shape != known.truth_hu.shape:
        raise MethodFailed(f"its result has shape {corrected.hu.shape}, but the case has {known.truth_hu.shape}.")
    if not np.isfinite(corrected.hu).all():
        raise MethodFailed("its result contains non-finite values.")
    return corrected


def _without_metal(known: KnownCase, *, is_looped: bool) -> Tensor:
    """Reconstruct the scan without metal, 1/cm, `[slice, y, x]`, with one FBP or also with the consistency loop."""
    sinogram = torch.from_numpy(known.metal_free_sinogram)
    image = known.case.projector.fbp(sinogram)
    if not is_looped:
        return image
    no_trace, no_metal = (torch.zeros_like(each, dtype=torch.bool) for each in (sinogram, image))
    return consistency_loop(model_of(known.case), sinogram, no_trace, image, no_metal)


def _measure(corrected: Corrected, known: KnownCase) -> Part:
    # metal pixels get the input's values back, as in every corrected series of marview
    restored = np.where(known.metal, known.uncorrected_hu, corrected.hu)
    measured = measure_case(restored, known.truth_hu, known.metal, known.uncorrected_hu)
    sizes = np.count_nonzero(known.metal, axis=(1, 2))
    slices = zip(known.numbers, sizes, measured.slices, strict=True)
    records = tuple(SliceRecord(known.name, k, int(size), each) for k, size, each in slices)
    return Part(records, corrected.seconds, corrected.notes)


def _collect(protocol: str, store: Store, keys: _Keys, entries: Sequence[Entry], failures: Sequence[str]) -> Results:
    rows = []
    references = [Entry(each, TITLES[each]) for each in METAL_FREE]
    for entry in [Entry(INPUT, TITLES[INPUT]), *entries, *references]:
        parts = [part for case, row in keys.items() if (part := store.get(case, entry.id, row[entry.id])) is not None]
        pace = [part.seconds / len(part.slices) for part in parts if part.seconds > 0]
        slices = tuple(each for part in parts for each in part.slices)
        notes = count_notes([part.notes for part in parts])
        rows.append(Row(entry.id, entry.title, slices, statistics.median(pace) if pace else math.nan, notes))
    return Results(protocol, tuple(rows), tuple(failures), {entry.id: entry.parameters for entry in entries})


def _write(results: Results, output: Path) -> None:
    texts = {
        "results.json": json.dumps(results.record(), indent=1, allow_nan=False) + "\n",
        "table.md": markdown(results),
        "table.csv": summary_csv(results),
        "slices.csv": slices_csv(results),
    }
    for name, text in texts.items():
        write_text(output / name, text)


def _figure(folder: Path, row: str) -> Path:
    return folder / f"{row}.png"


def _draw_figures(
    results: Results,
    cases: Sequence[ListedCase],
    entries: Sequence[Entry],
    correct: Correct,
    folder: Path,
    on_progress: Progress,
) -> None:
    """Run `correct` again for the three slices of each figure, because result images are not stored.

    A slice that fails this time is left out.
    """
    by_name = {each.name: each for each in cases}
    for entry in entries:
        row = results.row(entry.id)
        if row is None:
            continue
        order = sorted(row.slices, key=lambda each: each.measures.psnr_db)
        chosen = {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}
        strips = []
        on_progress(1.0, f"drawing {entry.title}")
        for word, each in chosen.items():
            try:
                whole = by_name[each.case].read()
                known = whole.slice(whole.numbers.index(each.index))
                corrected = _make(entry.id, known, entries, correct, _ignore)
            except (BadInput, MethodFailed):
                continue  # the tables are written; only this strip is missing
            restored = np.where(known.metal, known.uncorrected_hu, corrected.hu)
            caption = (
                f"{word}: {each.case}, slice {each.index}, {each.metal_px} px of metal, {each.measures.psnr_db:.2f} dB"
            )
            strips.append(Strip(caption, known.truth_hu[0], known.uncorrected_hu[0], restored[0]))
        if strips:
            draw(entry.title, strips, _figure(folder, entry.id))


def _ignore(_fraction: float) -> None:
    pass
