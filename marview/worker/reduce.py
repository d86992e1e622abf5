"""Handle a `ReduceRequest`: correct slices of a volume."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.geometry import TraceCoverage
from marview.heap import give_back
from marview.mar.messages import Finished, Note, Progress, ReduceRequest, SinogramRequest, SliceDone
from marview.methods.api import MarCase
from marview.methods.notes import Notes, SliceNote
from marview.projection import scratch
from marview.text import translatable
from marview.worker.batches import Batches
from marview.worker.case_files import beam_as_json
from marview.worker.channel import Channel
from marview.worker.front_end import REPROJECTED, FrontEnd, checked_result, consistency, too_much_metal
from marview.worker.job import Outputs, WorkerJob
from marview.worker.neighbours import beside, neighbours
from marview.worker.prepare import prepare
from marview.worker.reprojection import Reprojections
from marview.worker.resampling import SliceFrame

_CUT_OFF = translatable("the image has dark streaks clipped at its lowest value")
_RESTORED = translatable("; marview estimated the missing part before the correction")
_NOT_RESTORED = translatable("; the missing part was not estimated, because restoration was switched off")


@dataclass
class Reduction:
    """A run in progress.

    Attributes:
        projections: forward projections from earlier runs on the same volume.
        done: reports of the finished slices.
        notes: notes for the reader of the result.
    """

    request: ReduceRequest
    channel: Channel
    projections: Reprojections = field(default_factory=Reprojections)
    done: list[SliceDone] = field(default_factory=list)
    notes: Notes = field(init=False)

    def __post_init__(self) -> None:
        self.notes = Notes(self.request.numbers.number)

    def run(self) -> Finished:
        """Correct the slices with metal in the requested order, and report each finished slice.

        Raises:
            UsageError: the method does not accept the parameters or the device.
            MethodFailed: the method returned no valid result, or memory ran out.
            Cancelled: the run was cancelled.
        """
        started = time.perf_counter()
        request = self.request
        prepared = prepare(request)
        loaded, self._parameters, self._device = prepared.loaded, prepared.parameters, prepared.device
        self._loaded, self._method = loaded, loaded.manifest.id
        self._outputs = Outputs(self.channel, request.output_folder, is_wanted=request.keep_outputs)
        self._job = WorkerJob(self.channel, loaded, self._device, self._outputs)
        self._front = FrontEnd(frame_of(request), self._device)
        scan, masks = request.hu.array, request.mask.array
        self._job.find_neighbours = lambda count: neighbours(self._front.frame, scan, masks, count)
        self._job.find_beside = lambda index, reach: beside(self._front.frame, scan, index, reach)
        self._note(REPROJECTED if loaded.manifest.needs_sinogram else None)
        self._is_reusing = request.keep_projections and loaded.manifest.needs_sinogram
        volume = (request.hu.name, request.spacing_mm)
        self.projections.begin(volume if request.keep_projections else None)

        wanted = request.wanted
        self._planes = {k: request.correction.array[row] for row, k in enumerate(wanted)}
        metal = [k for k in wanted if request.mask.array[k].any()]
        self._skip([k for k in wanted if k not in set(metal)])
        batches = Batches(loaded.manifest, self._device)
        batches.limit(request.hu.array[0].size)
        self._total = len(metal)
        self._corrected = 0
        self._projected = 0
        self._restored: set[int] = set()
        self._made_by: dict[int, str] = {}
        for batch in batches.split(metal, is_first_alone=True):
            batches.run(batch, self._correct)
            give_back()
        return Finished(
            {
                "method": self._method,
                "title": loaded.manifest.title,
                "version": loaded.manifest.version,
                "parameters": self._parameters.model_dump(mode="json"),
                "weights": self._job.weights_read,
                "device": str(self._device),
                "seconds": time.perf_counter() - started,
                "notes": self.notes.sentences,
                "slices": [asdict(each) for each in sorted(self.done, key=lambda each: each.slice_index)],
                "restore_cut_off": request.restore_cut_off,
                "slices_restored": sorted(self._restored),
                **({"slices_projected": self._projected} if self._is_reusing else {}),
                **self._geometry(),
            }
        )

    def _skip(self, slices: Sequence[int]) -> None:
        """Report slices without metal as finished; they stay unchanged."""
        for k in slices:
            self._planes[k][:] = 0
            self._tell(SliceDone(k, 0, 0.0, 0.0))

    def _correct(self, batch: list[int]) -> None:
        """Correct a batch of slices with metal.

        Free memory is returned to the system between the steps, so that it does not accumulate.
        """
        started = time.perf_counter()
        self.channel.check_cancelled()
        hu, mask = self.request.hu.array[batch], self.request.mask.array[batch]
        stored_hu, result_hu, fractions = self._solve(batch, hu, mask)
        give_back()
        restore_metal = self.request.restore_metal
        correction = self._front.correction(stored_hu, result_hu, hu, mask, restore_metal=restore_metal)
        seconds = (time.perf_counter() - started) / len(batch)
        for k, values, metal, fraction in zip(batch, correction, mask, fractions, strict=True):
            self._planes[k][:] = values
            is_restored, made_by = k in self._restored, self._made_by.get(k, "")
            self._tell(SliceDone(k, int(np.count_nonzero(metal)), fraction, seconds, is_restored, made_by))
            self._note(too_much_metal(fraction, k) if self._loaded.manifest.needs_sinogram else None)
        self._corrected += len(batch)
        self.channel.send(
            Progress(self._corrected / self._total, f"{self._corrected} of {self._total} slices with metal")
        )

    def _solve(
        self, batch: list[int], hu: NDArray[np.int16], mask: NDArray[np.bool_]
    ) -> tuple[Tensor, Tensor, list[float]]:
        """Run the method on slices with metal, and send its pictures and notes.

        Args:
            batch: indices of the slices.
            hu: the slices, HU `[slice, row, column]`.
            mask: metal mask of the slices.

        Returns:
            The slices and the result on the processing grid, HU `[slice, y, x]`, and the fraction of each slice's
            sinogram that is in the metal trace.
        """
        request, job, outputs = self.request, self._job, self._outputs
        case = self._front.case(hu, mask, batch)
        stored_hu = case.hu
        if request.restore_cut_off:
            case, found = self._front.restored(case, hu, mask, self.channel.check_cancelled)
            self._restored.update(batch[position] for position in found)
        else:
            found = self._front.cut_off(hu, mask)
        before_hu = case.hu.clone()
        if case.hu is not stored_hu:
            self._projected += len(batch)  # restored slices depend on the mask, so other runs cannot use them
        elif self._is_reusing:
            self._projected += self.projections.give(case)
        if outputs.is_wanted:
            outputs.show_all("sinogram", batch, case.sinogram)
            outputs.show_all("trace", batch, case.trace)
        job.at(self._corrected / self._total, len(batch) / self._total)
        job.progress(0.0, request.numbers.words(batch))
        give_back()
        with torch.inference_mode(mode=False):
            result = self._loaded.method.run(case, self._parameters, job)
        scratch.let_go()
        give_back()
        result = checked_result(result, case, before_hu, self._method)
        self._show(case, batch, result.hu, result.prior_hu, result.corrected_sinogram)
        for note in result.notes:
            self._note(note if isinstance(note, SliceNote) else str(note))
            if isinstance(note, SliceNote) and note.made_by:
                self._made_by[note.slice_index] = note.made_by
        for position in found:
            meaning = _RESTORED if request.restore_cut_off else _NOT_RESTORED
            self._note(SliceNote(batch[position], _CUT_OFF, meaning))
        return stored_hu, result.hu, [float(trace.float().mean()) for trace in case.trace]

    def _show(self, case: MarCase, batch: list[int], result: Any, prior: Any, corrected_sinogram: Any) -> None:
        """Send the intermediate pictures of a result."""
        if not self._outputs.is_wanted:
            return
        if "li_sinogram" in vars(case):
            self._outputs.show_all("li_sinogram", batch, case.li_sinogram)
        self._job.output_rest("prior", batch, prior)
        self._job.output_rest("corrected_sinogram", batch, corrected_sinogram)
        self._job.output_rest("result", batch, result)
        self._outputs.show_all("consistency", batch, consistency(case, result))

    def _tell(self, done: SliceDone) -> None:
        self.done.append(done)
        self.channel.send(done)

    def _note(self, note: str | SliceNote | None) -> None:
        if note:
            sentence, before = self.notes.add(note)
            if sentence != before:
                self.channel.send(Note(sentence, note.slice_index if isinstance(note, SliceNote) else None, before))

    def _geometry(self) -> dict[str, Any]:
        return {"processing_pixel_mm": self._front.frame.pixel_mm, "beam": beam_as_json(self._front.beam)}


def show_sinogram(request: SinogramRequest, channel: Channel) -> Finished:
    """Compute and send the sinogram, the metal trace and the linearly interpolated sinogram of a slice."""
    started = time.perf_counter()
    front = FrontEnd(frame_of(request), torch.device("cpu"))
    k = request.slice_index
    # A copy, because the user may paint on the mask in the meantime.
    hu, mask = request.hu.array[k : k + 1], request.mask.array[k : k + 1].copy()
    case = front.case(hu, mask, [k])
    outputs = Outputs(channel, request.output_folder)
    outputs.show_all("sinogram", [k], case.sinogram)
    channel.check_cancelled()
    outputs.show_all("trace", [k], case.trace)
    outputs.show_all("li_sinogram", [k], case.li_sinogram)
    coverage = TraceCoverage.of(case.trace[0].numpy(), front.rays_through_body(hu)[0].numpy())
    fraction = coverage.fraction
    channel.send(SliceDone(k, int(np.count_nonzero(mask)), fraction, time.perf_counter() - started))
    if note := too_much_metal(fraction, k):
        channel.send(Note(str(note), k))
    return Finished(
        {
            "slice_index": k,
            "metal_pixels": int(np.count_nonzero(mask)),
            "trace_fraction": fraction,
            "coverage": asdict(coverage),
            "seconds": time.perf_counter() - started,
            "notes": [REPROJECTED],
            "processing_pixel_mm": front.frame.pixel_mm,
            "beam": beam_as_json(front.beam),
        }
    )


def frame_of(request: ReduceRequest | SinogramRequest) -> SliceFrame:
    """Return the slice grid and the processing grid for a request."""
    _, rows, columns = request.hu.array.shape
    return SliceFrame((rows, columns), (request.spacing_mm[1], request.spacing_mm[2]))
