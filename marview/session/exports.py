"""Export the result in view as a derived DICOM series, NIfTI files or PNG images, in the background."""

import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psygnal import Signal

from marview.dicom import Cancelled, LoadedSeries
from marview.errors import MarviewError
from marview.export import Corrected, Format, gap_note, write_corrected
from marview.session.background import Background
from marview.session.result import Result
from marview.text import plural, tr, translatable
from marview.told import told
from marview.volume.window import HuWindow

CAUTION = translatable("For research: not for primary diagnosis; review with the uncorrected images.")


@dataclass(frozen=True)
class ExportState:
    """The state of an export.

    Attributes:
        fraction: progress, 0 to 1.
        sentence: message about the exported files, or the reason why the export did not succeed; empty
            while the export is running.
        folder: folder of the export; None until it is done.
    """

    fraction: float = 0.0
    sentence: str = ""
    folder: Path | None = None

    @property
    def is_over(self) -> bool:
        """Return whether the export has ended."""
        return bool(self.sentence)


class Exports:
    """Export runner, which handles one export at a time.

    Event, sent on the window's thread: `changed(ExportState)`.
    """

    changed = Signal(ExportState)

    def __init__(self, background: Background) -> None:
        self.is_running = False
        self._background = background
        self._stop = threading.Event()

    def begin(self, loaded: LoadedSeries, result: Result, window: HuWindow, format_: Format, folder: Path) -> None:
        """Start writing the corrected series to a new or empty folder."""
        if self.is_running:
            return
        self.is_running = True
        self._stop.clear()
        slices = len(loaded.volume.hu)
        told = [0.0]
        correction, record = result.settled_correction(), result.provenance()

        def progress(done: int) -> None:
            now = time.monotonic()
            if now - told[0] >= 0.1:
                told[0] = now
                self._background.post(lambda: self._tell(ExportState(done / slices)))

        def work() -> str:
            mask = result.mask.write_to(np.zeros(result.mask.shape, bool))
            corrected = Corrected(loaded, correction, mask, record)
            return _write(corrected, window, format_, folder, progress, self._stop.is_set)

        def done(sentence: str) -> None:
            result.is_exported = True
            self._end(ExportState(1.0, sentence, folder))

        self._tell(ExportState())
        self._background.run(
            work,
            done,
            lambda sentence: self._end(ExportState(0.0, sentence)),
        )

    def cancel(self) -> None:
        """Cancel the export and remove the files that it has written."""
        self._stop.set()

    def _tell(self, state: ExportState) -> None:
        if self.is_running:
            self.changed.emit(state)

    def _end(self, state: ExportState) -> None:
        self.is_running = False
        self.changed.emit(state)


def folder_name(loaded: LoadedSeries, result: Result) -> str:
    """Return a name for the export folder, made from the series description and the method."""
    return f"{words_of(loaded)}_{result.method}"


def words_of(loaded: LoadedSeries) -> str:
    """Return the description of a series with only those characters that are safe in file names."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", loaded.series.description.removesuffix(".gz").removesuffix(".nii"))
    return words.strip("_")[:40] or "series"


def _write(
    corrected: Corrected,
    window: HuWindow,
    format_: Format,
    folder: Path,
    progress: Callable[[int], None],
    is_cancelled: Callable[[], bool],
) -> str:
    done = itertools.count(1)
    try:
        files = write_corrected(
            corrected,
            format_,
            folder,
            window=window,
            on_slice=lambda _z: progress(next(done)),
            is_cancelled=is_cancelled,
        )
    except Cancelled:
        raise MarviewError(tr("The export was cancelled; nothing was written.")) from None
    if format_ is Format.DICOM:
        said = plural(
            len(files),
            "{} slice was written as a derived series.",
            "{} slices were written as a derived series.",
        ).format(len(files))
    elif format_ is Format.NIFTI:
        source = corrected.source
        missing = told(gap_note(source.gaps, source.volume.grid.slice_numbers))
        said = f"{tr('The corrected volume and its metal mask were written as NIfTI.')} {missing}".rstrip()
    else:
        said = plural(
            len(files),
            "{} picture was written with width {:.0f} and level {:.0f}.",
            "{} pictures were written with width {:.0f} and level {:.0f}.",
        ).format(len(files), window.width_hu, window.level_hu)
    return f"{said} {tr(CAUTION)}"
