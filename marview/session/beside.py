"""Show another series, such as an earlier scan or a demo study's ground truth, beside the one in view."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from scipy import ndimage

from marview.dicom import Cancelled, LoadedSeries, Outcome, read
from marview.geometry import Grid
from marview.session.background import Background, IsStale
from marview.session.entries import Entry, patient_of
from marview.session.library import Library
from marview.session.messages import Messages
from marview.session.picture import Picture
from marview.session.sensitivity_choice import known_truth
from marview.text import tr
from marview.told import told
from marview.volume.reslice import OUTSIDE_HU
from marview.volume.volume import Volume

_SAME_VOXELS = 0.01


@dataclass(frozen=True, eq=False)
class OtherSeries:
    """Series shown beside the series in view.

    Attributes:
        key: key of the series; empty for the simulated ground truth.
        title: description of the series.
        volume: volume of the series.
        is_in_frame: whether the series has the same frame of reference as the series in view.
        is_other_patient: whether the series belongs to another patient, according to its headers.
    """

    key: str
    title: str
    volume: Volume
    is_in_frame: bool
    is_other_patient: bool = False


class Beside:
    """State of the pane that shows another series for comparison with the series in view.

    A series with the same frame of reference is shown at its scanned position. For other series, an
    initial offset aligns the centres, and `move` changes the offset.

    Event, on the window's thread: `changed()` when the other series or its offset changes.

    Attributes:
        other: series shown beside the series in view; None if there is none.
        offset_mm: shift from a point of the series in view to the same anatomical point of the other
            series, LPS in mm, `[3]`.
    """

    changed = Signal()

    def __init__(self, library: Library, background: Background, messages: Messages) -> None:
        self.other: OtherSeries | None = None
        self.offset_mm: NDArray[np.float64] = np.zeros(3)
        self._library = library
        self._messages = messages
        self._reading = background.latest()
        library.started.connect(self.clear)
        library.emptied.connect(self.clear)
        library.listed.connect(self._drop_closed)

    def show(self, entry: Entry) -> None:
        """Read a listed series and show it beside the series in view."""
        chosen, loaded = self._library.chosen, self._library.loaded
        if chosen is None or loaded is None or entry.key == chosen.key:
            return
        if entry.report.outcome >= Outcome.VIEWS:
            self._messages.error(told(entry.report.reason))
            return
        is_other = patient_of(entry.study) != patient_of(chosen.study)

        def work(is_stale: IsStale) -> OtherSeries | None:
            try:
                volume = read(entry.series, report=entry.report, is_cancelled=is_stale).volume
            except Cancelled:
                return None
            is_in_frame = _share_frame(volume.grid, loaded.volume.grid)
            return OtherSeries(entry.key, entry.series.description, volume, is_in_frame, is_other)

        self._begin(work, tr("Reading {} …").format(entry.series.description))

    def show_truth(self) -> None:
        """Show the simulated ground truth of a demo study beside the series in view."""
        loaded = self._library.loaded
        if loaded is None:
            return

        def work(_is_stale: IsStale) -> OtherSeries | None:
            truth = known_truth(loaded)
            return (
                None
                if truth is None
                else OtherSeries("", tr("Simulated truth"), Volume(truth, loaded.volume.grid), is_in_frame=True)
            )

        self._begin(work, tr("Reading the simulated truth …"))

    def clear(self, *_: object) -> None:
        """Remove the other series from the comparison."""
        self._reading.drop()
        if self.other is not None:
            self.other, self.offset_mm = None, np.zeros(3)
            self.changed.emit()

    def move(self, steps: int) -> None:
        """Shift the other series along the slice axis of the series in view.

        Args:
            steps: distance in slices of the other series; positive towards the last slice.
        """
        loaded = self._library.loaded
        if self.other is not None and loaded is not None:
            along = loaded.volume.grid.affine[:3, 0]
            self.offset_mm = self.offset_mm + steps * self.other.volume.grid.spacing_mm[0] * along / np.linalg.norm(
                along
            )
            self.changed.emit()

    def picture(self, slice_index: int) -> Picture | None:
        """Return the other series, resampled to a slice of the series in view.

        Pixels outside the other series are `OUTSIDE_HU`. The result is None if either series is missing.
        """
        loaded = self._library.loaded
        if self.other is None or loaded is None:
            return None
        return Picture(
            section(self.other.volume, loaded.volume.grid, slice_index, self.offset_mm),
            loaded.volume.grid.spacing_mm[1:],
        )

    def _begin(self, work: Callable[[IsStale], OtherSeries | None], words: str) -> None:
        self._library.busy.emit(words)

        def done(other: OtherSeries | None) -> None:
            self._library.busy.emit("")
            loaded = self._library.loaded
            if other is not None and loaded is not None:
                self.other = other
                self.offset_mm = (
                    np.zeros(3) if other.is_in_frame else _middle(other.volume.grid) - _middle(loaded.volume.grid)
                )
                self.changed.emit()

        def failed(sentence: str) -> None:
            self._library.busy.emit("")
            self._messages.error(sentence)

        self._reading.run(work, done, failed)

    def _drop_closed(self) -> None:
        listed = {entry.key for entry in self._library.entries}
        if self.other is not None and self.other.key and self.other.key not in listed:
            self.clear()


def section(volume: Volume, grid: Grid, slice_index: int, offset_mm: NDArray[np.float64]) -> NDArray[np.int16]:
    """Resample a volume to a slice of another grid by linear interpolation, int16 HU `[y, x]`.

    Args:
        volume: volume to resample.
        grid: grid of the slice.
        slice_index: index z of the slice.
        offset_mm: shift from a point of the grid to the same anatomical point of the volume, LPS in mm, `[3]`.
    """
    moved = grid.affine.copy()
    moved[:3, 3] += offset_mm
    to_volume = np.asarray(np.linalg.inv(volume.grid.affine) @ moved, np.float64)
    first = to_volume[:3, :3] @ (slice_index, 0, 0) + to_volume[:3, 3]
    place = np.rint(first)
    is_same = (
        grid.shape[1:] == volume.grid.shape[1:]
        and np.abs(to_volume[:3, :3] - np.eye(3)).max() * max(grid.shape) < _SAME_VOXELS
    )
    if (
        is_same
        and np.abs(first - place).max() < _SAME_VOXELS
        and not place[1:].any()
        and 0 <= place[0] < len(volume.hu)
    ):
        return np.asarray(volume.hu[int(place[0])])
    drawn: NDArray[np.int16] = ndimage.affine_transform(
        volume.hu,
        to_volume[:3, :3],
        first,
        output_shape=(1, *grid.shape[1:]),
        order=1,
        mode="grid-constant",
        cval=OUTSIDE_HU,
    )
    return np.asarray(drawn[0])


def has_truth(loaded: LoadedSeries | None) -> bool:
    """Return whether a series belongs to a demo study with known ground truth."""
    folder = None if loaded is None else loaded.series.path.parent
    return folder is not None and (folder / "demo.json").is_file() and (folder / "truth").is_dir()


def _share_frame(first: Grid, second: Grid) -> bool:
    return bool(first.frame_of_reference_uid) and first.frame_of_reference_uid == second.frame_of_reference_uid


def _middle(grid: Grid) -> NDArray[np.float64]:
    return np.asarray(grid.to_patient((np.array(grid.shape) - 1) / 2), np.float64)
