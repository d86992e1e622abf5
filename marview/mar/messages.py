"""Messages between marview and its worker process, each encoded as one line of JSON."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from marview.geometry import SliceNumbers
from marview.mar.shared import SharedArray

Device = Literal["auto", "cpu", "cuda"]


# -- requests: to the worker ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class ReduceRequest:
    """Request to correct slices of a volume.

    Attributes:
        method: identifier of the method.
        hu: int16 HU, `[z, y, x]`.
        mask: metal mask, bool `[z, y, x]`.
        spacing_mm: distance between voxels along (z, y, x).
        correction: float32 HU `[slice, y, x]`, one plane per entry of `wanted`, in the same order; the
            worker writes the corrected image minus `hu` to it, which is 0 where the image is unchanged. A
            plane is valid after the `SliceDone` message for its slice.
        slices: indices of the slices to correct, in processing order; empty for all slices.
        parameters: values of the method's parameters that differ from their defaults.
        device: device for the method.
        restore_metal: whether metal pixels keep their original values.
        restore_cut_off: whether to restore, before the method runs, dark streaks that are clipped in the
            file.
        keep_outputs: whether to send intermediate images (`Output`).
        keep_projections: whether the worker stores the forward projections of the slices and reuses them in
            later runs on this volume; a run with False discards them.
        is_head_last: whether slice 1 in the window is the last slice of the array (`SliceNumbers`).
        folder: folder of the method; set by the runner.
        output_folder: folder for intermediate images; set by the runner.
    """

    method: str
    hu: SharedArray
    mask: SharedArray
    spacing_mm: tuple[float, float, float]
    correction: SharedArray = field(metadata={"is_writable": True})
    slices: tuple[int, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    device: Device = "auto"
    restore_metal: bool = True
    restore_cut_off: bool = True
    keep_outputs: bool = True
    keep_projections: bool = False
    is_head_last: bool = False
    folder: str = ""
    output_folder: str = ""

    @property
    def wanted(self) -> tuple[int, ...]:
        """Indices of the slices to correct; all slices if `slices` is empty."""
        return self.slices or tuple(range(len(self.hu.array)))

    @property
    def numbers(self) -> SliceNumbers:
        """Slice numbers as shown to users."""
        return SliceNumbers(len(self.hu.array), self.is_head_last)

    def close(self) -> None:
        """Free the memory of the mask and of the correction."""
        self.correction.close()
        self.mask.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class SinogramRequest:
    """Request to compute the sinogram, the metal trace and the LI sinogram of one slice for display.

    Attributes:
        hu: int16 HU, `[z, y, x]`.
        mask: metal mask, bool `[z, y, x]`.
        spacing_mm: distance between voxels along (z, y, x).
        slice_index: index of the slice.
        output_folder: folder for the intermediate images; set by the runner.
    """

    hu: SharedArray
    mask: SharedArray
    spacing_mm: tuple[float, float, float]
    slice_index: int
    output_folder: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class TraceRequest:
    """Request to compute the metal trace of a slice, and to report the fraction of rays in the trace.

    Attributes:
        mask: metal mask, bool `[z, y, x]`.
        spacing_mm: distance between voxels along (z, y, x).
        slice_index: index of the slice.
        trace: array for the result, bool `[view, bin]`, for the beam `marview.geometry.processing_beam`.
        hu: int16 HU `[z, y, x]`, to count only rays through the body; None to count all rays.
    """

    mask: SharedArray
    spacing_mm: tuple[float, float, float]
    slice_index: int
    trace: SharedArray = field(metadata={"is_writable": True})
    hu: SharedArray | None = None


@dataclass(frozen=True, kw_only=True)
class CasesRequest:
    """Request to run a method on case files (`marview.worker.case_files`) for benchmarks.

    Attributes:
        method: identifier of the method.
        cases: case files, .npz.
        results: result file of each case, .npz, written atomically.
        parameters: values of the method's parameters that differ from their defaults.
        device: device for the method.
        keep_sinogram: whether a result file also contains the corrected sinogram.
        neighbours: .npz file with other slices of the scan, for methods that learn from the scan; all cases
            are from this scan.
        folder: folder of the method; set by the runner.
    """

    method: str
    cases: tuple[str, ...]
    results: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    device: Device = "auto"
    keep_sinogram: bool = False
    neighbours: str = ""
    folder: str = ""


@dataclass(frozen=True)
class DescribeRequest:
    """Request to report the parameters of a method.

    Attributes:
        folder: folder of the method.
    """

    folder: str


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """Request to check whether a run of a method can start.

    Attributes:
        method: identifier of the method.
        folder: folder of the method.
        parameters: values of the method's parameters that differ from their defaults.
        device: device for the method; None to skip the check of the device.
    """

    method: str
    folder: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    device: Device | None = None


@dataclass(frozen=True)
class DevicesRequest:
    """Request to list the devices of this machine."""


@dataclass(frozen=True)
class CancelRequest:
    """Request to cancel the current run."""


Request = (
    ReduceRequest
    | SinogramRequest
    | TraceRequest
    | CasesRequest
    | DescribeRequest
    | CheckRequest
    | DevicesRequest
    | CancelRequest
)

# -- messages: from the worker --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The worker has started; `pid` is its process id."""

    pid: int


@dataclass(frozen=True)
class Progress:
    """Progress of the run, or of its training on the scan if `is_learning` is True.

    The message contains the finished fraction, 0 to 1, and the current step.
    """

    fraction: float
    text: str = ""
    is_learning: bool = False


@dataclass(frozen=True)
class Output:
    """An intermediate image of a slice.

    Attributes:
        name: one of `marview.mar.manifest.OUTPUTS`.
        slice_index: index of the slice.
        path: .npy file, float16 (the trace: bool): HU `[y, x]` on the processing grid for "prior",
            "artifact" and "result", line integrals `[view, bin]` for the others. The file is removed when the
            `MarWorker` closes.
    """

    name: str
    slice_index: int
    path: str


@dataclass(frozen=True)
class SliceDone:
    """The correction of a slice is complete.

    Attributes:
        slice_index: index of the slice.
        metal_pixels: number of metal pixels in the slice, on the grid of the volume.
        trace_fraction: fraction of the sinogram that the metal trace covers.
        seconds: average time per slice in the batch that contained this slice.
        is_restored: whether clipped dark streaks were restored before the correction.
        made_by: short name of the method that was used for the slice instead of the chosen method
            (`SliceNote.made_by`).
    """

    slice_index: int
    metal_pixels: int
    trace_fraction: float
    seconds: float
    is_restored: bool = False
    made_by: str = ""


@dataclass(frozen=True)
class WeightsRead:
    """The run has read a weights file; a method may read only some of its weights files."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Note:
    """A note for the reader of the result; `slice_index` is None if it concerns the whole run.

    If the note repeats an earlier note for more slices, `replaces` is the earlier note.
    """

    sentence: str
    slice_index: int | None = None
    replaces: str = ""


@dataclass(frozen=True)
class CaseDone:
    """The result file of a case has been written; `index` is the position of the case in the request."""

    index: int
    slices: int
    seconds_per_slice: float


@dataclass(frozen=True)
class Finished:
    """The run has finished; `report` describes it."""

    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The run has failed.

    Attributes:
        sentence: reason, for the user.
        exit_code: exit code as in `marview.errors`: 2 wrong usage, 3 bad input, 4 the method failed.
        detail: traceback for the log, without patient data.
        is_unexpected: whether the method's code raised an unexpected exception, so that the worker should be replaced.
    """

    sentence: str
    exit_code: int = 4
    detail: str = ""
    is_unexpected: bool = False


@dataclass(frozen=True)
class Cancelled:
    """The run was cancelled."""


Message = Ready | Progress | Output | SliceDone | WeightsRead | Note | CaseDone | Finished | Failed | Cancelled

_KINDS: dict[str, type] = {kind.__name__: kind for kind in (*Request.__args__, *Message.__args__)}


def encode(message: Request | Message) -> str:
    """Encode a message as one line of JSON, including the newline."""
    values = {each.name: getattr(message, each.name) for each in dataclasses.fields(message)}
    return json.dumps({"kind": type(message).__name__, **values}, default=_plain) + "\n"


def decode(line: str) -> Request | Message:
    """Decode a message and open its shared arrays; only the arrays that the worker writes are writable.

    Raises:
        ValueError: the line is not a message.
    """
    values = json.loads(line)
    kind = _KINDS.get(values.pop("kind", "")) if isinstance(values, dict) else None
    if kind is None:
        raise ValueError("not a message of marview")
    fields = {each.name: each for each in dataclasses.fields(kind)}
    try:
        message: Request | Message = kind(
            **{name: _value(value, _hints(kind)[name], fields[name].metadata) for name, value in values.items()}
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error
    return message


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    if value is not None and SharedArray in (hint, *get_args(hint)):
        return SharedArray.open(value, is_writable=metadata.get("is_writable", False))
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Convert shared arrays to their descriptions and NumPy numbers to Python numbers, for JSON."""
    if isinstance(value, SharedArray):
        return value.description
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be encoded as JSON")
