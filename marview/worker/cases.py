"""Handle a `CasesRequest`: run a method on case files."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from marview.mar.messages import CaseDone, CasesRequest, Finished, Progress
from marview.methods.api import MarCase
from marview.methods.notes import Notes, SliceNote
from marview.worker.batches import Batches
from marview.worker.case_files import load_case, load_neighbours, write_npz
from marview.worker.channel import Channel
from marview.worker.front_end import checked_result
from marview.worker.job import WorkerJob
from marview.worker.prepare import prepare

Numbered = tuple[int, MarCase]


def run_cases(request: CasesRequest, channel: Channel) -> Finished:
    """Run a method on case files; write each result immediately, so that an interrupted run can be continued.

    A result file contains `hu`, float32 `[slice, y, x]`, and, if requested, `corrected_sinogram`. The report
    contains the method's notes twice: as sentences in `notes`, and one by one in `single_notes`, where a
    note on a single slice is a dictionary.

    Raises:
        UsageError: the method does not accept the parameters or the device.
        BadInput: a file does not contain a case.
        MethodFailed: the method returned no valid result, or memory ran out.
        Cancelled: the run was cancelled.
    """
    started = time.perf_counter()
    prepared = prepare(request)
    loaded, parameters, device = prepared.loaded, prepared.parameters, prepared.device
    job = WorkerJob(channel, loaded, device, None)
    if request.neighbours:
        job.find_neighbours = load_neighbours(Path(request.neighbours))
    batches = Batches(loaded.manifest, device)
    done: list[CaseDone] = []
    notes = Notes(lambda index: index + 1)
    single_notes: list[str | dict[str, Any]] = []

    def work(batch: list[Numbered]) -> None:
        channel.check_cancelled()
        begun = time.perf_counter()
        case = joined([each for _, each in batch], device)
        before_hu = case.hu.clone()
        job.at(len(done) / len(request.cases), len(batch) / len(request.cases))
        result = loaded.method.run(case, parameters, job)
        result = checked_result(result, case, before_hu, loaded.manifest.id)
        for said in result.notes:
            note = said if isinstance(said, SliceNote) else str(said)
            notes.add(note)
            single_notes.append(asdict(note) if isinstance(note, SliceNote) else note)
        seconds = (time.perf_counter() - begun) / len(case.hu)
        first = 0
        for index, each in batch:
            these = slice(first, first + len(each.hu))
            first += len(each.hu)
            arrays = {"hu": result.hu[these].detach().cpu().float().numpy()}
            if request.keep_sinogram and result.corrected_sinogram is not None:
                arrays["corrected_sinogram"] = result.corrected_sinogram[these].detach().cpu().float().numpy()
            write_npz(Path(request.results[index]), arrays)
            done.append(CaseDone(index, len(each.hu), seconds))
            channel.send(done[-1])
        channel.send(Progress(len(done) / len(request.cases), f"{len(done)} of {len(request.cases)} cases"))

    for group in _alike(request.cases, batches):
        batches.run(group, work)
    return Finished(
        {
            "method": loaded.manifest.id,
            "title": loaded.manifest.title,
            "version": loaded.manifest.version,
            "parameters": parameters.model_dump(mode="json"),
            "weights": job.weights_read,
            "device": str(device),
            "seconds": time.perf_counter() - started,
            "seconds_per_slice": [each.seconds_per_slice for each in sorted(done, key=lambda each: each.index)],
            "notes": notes.sentences,
            "single_notes": single_notes,
        }
    )


def _alike(paths: tuple[str, ...], batches: Batches) -> Iterator[list[Numbered]]:
    """Group consecutive cases with the same geometry, as far as memory allows, without changing their order."""
    group: list[Numbered] = []
    for index, path in enumerate(paths):
        case = load_case(Path(path))
        slices = sum(len(each.hu) for _, each in group) + len(case.hu)
        if group and (slices > batches.largest or _geometry(case) != _geometry(group[0][1])):
            yield group
            group = []
        group.append((index, case))
    if group:
        yield group


def _geometry(case: MarCase) -> tuple[object, ...]:
    has = (case.measured_sinogram is not None, case.measured_trace is not None)
    return (case.beam, case.pixel_mm, tuple(case.hu.shape[1:]), *has)


def joined(cases: list[MarCase], device: torch.device) -> MarCase:
    """Combine cases with the same geometry into one case."""

    def together(parts: list[torch.Tensor | None]) -> torch.Tensor | None:
        there = [part for part in parts if part is not None]
        return torch.cat(there).to(device) if there else None

    return replace(
        cases[0],
        hu=torch.cat([case.hu for case in cases]).to(device),
        metal=torch.cat([case.metal for case in cases]).to(device),
        slice_indices=[k for case in cases for k in case.slice_indices],
        measured_sinogram=together([case.measured_sinogram for case in cases]),
        measured_trace=together([case.measured_trace for case in cases]),
    )
