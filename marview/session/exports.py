"""Write the result in view: a derived DICOM series, NIfTI or PNG; off the window's thread, whole or not at all."""

import enum
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from marview.dicom import Cancelled, LoadedSeries
from marview.dicom.derive import Derivation, write_derived_series
from marview.errors import MarviewError
from marview.export import corrected_hu, whole_folder, write_nifti, write_pngs
from marview.session.background import Background
from marview.session.result import Result
from marview.volume.window import HuWindow

CAUTION = "For research: not for primary diagnosis; review with the uncorrected images."


class Format(enum.StrEnum):
    """What is written."""

    DICOM = "dicom"
    NIFTI = "nifti"
    PNG = "png"


@dataclass(frozen=True)
class ExportState:
    """How far an export is.

    Attributes:
        fraction: 0 to 1.
        sentence: what was written, or why not; empty while it goes on.
        folder: where it went; None unless it is done.
    """

    fraction: float = 0.0
    sentence: str = ""
    folder: Path | None = None

    @property
    def is_over(self) -> bool:
        """Whether it ended."""
        return bool(self.sentence)


class Exports:
    """One export at a time. Event, on the window's thread: `changed(ExportState)`."""

    changed = Signal(ExportState)

    def __init__(self, background: Background) -> None:
        self.is_running = False
        self._background = background
        self._stop = threading.Event()

    def begin(self, loaded: LoadedSeries, result: Result, window: HuWindow, format_: Format, folder: Path) -> None:
        """Write the corrected series into a folder that is not there yet, or empty."""
        if self.is_running:
            return
        self.is_running = True
        self._stop.clear()
        count = len(loaded.volume.hu)
        told = [0.0]

        def progress(done: int) -> None:
            now = time.monotonic()
            if now - told[0] >= 0.1:
                told[0] = now
                self._background.post(lambda: self._tell(ExportState(done / count)))

        def work() -> str:
            return _write(loaded, result, window, format_, folder, progress, self._stop.is_set)

        self._tell(ExportState())
        self._background.run(
            work,
            lambda sentence: self._end(ExportState(1.0, sentence, folder)),
            lambda sentence: self._end(ExportState(0.0, sentence)),
        )

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        self._stop.set()

    def _tell(self, state: ExportState) -> None:
        if self.is_running:
            self.changed.emit(state)

    def _end(self, state: ExportState) -> None:
        self.is_running = False
        self.changed.emit(state)


def folder_name(loaded: LoadedSeries, result: Result) -> str:
    """A name for the folder of an export: the series and the method."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", loaded.series.description.removesuffix(".gz").removesuffix(".nii"))
    return f"{words.strip('_')[:40] or 'series'}_{result.method}"


def _write(
    loaded: LoadedSeries,
    result: Result,
    window: HuWindow,
    format_: Format,
    folder: Path,
    progress: Callable[[int], None],
    is_cancelled: Callable[[], bool],
) -> str:
    correction = result.settled_correction()
    provenance = result.provenance()
    if format_ is Format.DICOM:
        parameters = ", ".join(f"{name}={value}" for name, value in provenance.parameters.items())
        derivation = Derivation(
            method=result.title, version=result.version, parameters=parameters, weights=provenance.weights_sha256
        )
        done = [0]

        def on_slice(_z: int) -> None:
            done[0] += 1
            progress(done[0])

        try:
            series = write_derived_series(
                loaded, correction, derivation, folder, on_slice=on_slice, is_cancelled=is_cancelled
            )
        except Cancelled:
            raise MarviewError("The export was cancelled; nothing was written.") from None
        return f"{len(series.files)} slices were written as a derived series. {CAUTION}"
    hu = corrected_hu(loaded.volume.hu, correction)
    if format_ is Format.NIFTI:
        with whole_folder(folder) as part:
            write_nifti(part / "corrected.nii.gz", hu, loaded.volume.grid, like=loaded.nifti)
            write_nifti(part / "metal.nii.gz", result.mask.array, loaded.volume.grid, like=loaded.nifti)
            (part / "provenance.json").write_text(provenance.to_json(), encoding="utf-8")
        return f"The corrected volume and its metal mask were written as NIfTI. {CAUTION}"
    pixel_mm = loaded.volume.grid.spacing_mm[1:]
    files = write_pngs(folder, hu, width_hu=window.width_hu, level_hu=window.level_hu, pixel_mm=pixel_mm)
    shown = f"width {window.width_hu:.0f} and level {window.level_hu:.0f}"
    return f"{len(files)} pictures were written with {shown}. {CAUTION}"
