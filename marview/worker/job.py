"""How a method's reports reach the window."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marview.mar.messages import Output, Progress, WeightsRead
from marview.worker.channel import Channel
from marview.worker.loading import LoadedMethod
from marview.worker.neighbours import no_neighbours

_EVERY_S = 0.05


class Outputs:
    """Intermediate pictures on their way to the window, as files both can read; none where they are not wanted."""

    def __init__(self, channel: Channel, folder: str, *, is_wanted: bool = True) -> None:
        self.is_wanted = is_wanted and bool(folder)
        self._channel, self._folder = channel, Path(folder)
        if self.is_wanted:
            self._folder.mkdir(parents=True, exist_ok=True)

    def show(self, name: str, slice_index: int, picture: Tensor) -> None:
        """Write a picture, `[y, x]` or `[view, bin]`, and say where it is."""
        if not self.is_wanted:
            return
        path = self._folder / f"{name}-{slice_index}.npy"
        values = picture.detach().cpu()
        np.save(path, values.numpy() if values.dtype == torch.bool else values.half().numpy(), allow_pickle=False)
        self._channel.send(Output(name, slice_index, str(path)))

    def show_all(self, name: str, slice_indices: Sequence[int], pictures: Tensor) -> None:
        """Write the pictures of several slices, `[slice, ...]`."""
        for slice_index, picture in zip(slice_indices, pictures, strict=True):
            self.show(name, slice_index, picture)


class WorkerJob:
    """The job a method gets (`marview.methods.api.Job`).

    Attributes:
        weights_read: file and sha256 of the weights that were asked for, of all that the method has.
    """

    def __init__(self, channel: Channel, loaded: LoadedMethod, device: torch.device, outputs: Outputs | None) -> None:
        self.device = device
        self.log = logging.getLogger(f"marview.method.{loaded.manifest.id}")
        self._channel, self._loaded, self._outputs = channel, loaded, outputs
        self._start, self._share = 0.0, 1.0
        self._said, self._said_at = "", 0.0
        self._shown: set[tuple[str, int]] = set()
        self.weights_read: list[dict[str, str]] = []
        self.find_neighbours: Callable[[int], tuple[Tensor, Tensor]] = no_neighbours

    def at(self, start: float, share: float) -> None:
        """Let the progress of the case to come fill this part of the run's."""
        self._start, self._share = start, share

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how much of this case is done; not more often than a person can see, but for new words."""
        self._say(Progress(self._start + self._share * min(1.0, max(0.0, fraction)), text))

    def learning(self, fraction: float, text: str = "") -> None:
        """Say how much is done of the learning that comes before the correction; not more often either."""
        self._say(Progress(min(1.0, max(0.0, fraction)), text, is_learning=True))

    def _say(self, progress: Progress) -> None:
        if progress.text != self._said or time.monotonic() - self._said_at >= _EVERY_S:
            self._said, self._said_at = progress.text, time.monotonic()
            self._channel.send(progress)

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Show an intermediate picture of a slice."""
        if name not in self._loaded.manifest.outputs:
            raise ValueError(f"the manifest names no output {name!r}")
        if array.ndim != 2:
            raise ValueError(f"output {name!r} is a picture of one slice, not an array of shape {tuple(array.shape)}")
        self._shown.add((name, slice_index))
        if self._outputs is not None:
            self._outputs.show(name, slice_index, array)

    def output_rest(self, name: str, slice_indices: Sequence[int], arrays: Tensor | None) -> None:
        """Show what a result holds and the method has not shown yet, `[slice, ...]`."""
        if self._outputs is None or arrays is None:
            return
        for slice_index, array in zip(slice_indices, arrays, strict=True):
            if (name, slice_index) not in self._shown:
                self._outputs.show(name, slice_index, array)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the run is to stop."""
        self._channel.check_cancelled()

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        """Slices of the same scan without metal in HU, nearest to it first, and masks of those with metal."""
        clean, masks = self.find_neighbours(count)
        return clean.to(self.device), masks.to(self.device)

    def weights(self, file: str) -> dict[str, Tensor]:
        """Learned weights by name, on the job's device, of a file the manifest names."""
        weights = self._loaded.weights(file, str(self.device))
        if file not in [each["file"] for each in self.weights_read]:
            [digest] = [each.sha256.lower() for each in self._loaded.manifest.weights if each.file == file]
            self.weights_read.append({"file": file, "sha256": digest})
            self._channel.send(WeightsRead(file, digest))
        return weights

    def about_weights(self, file: str) -> dict[str, str]:
        """What that file says of itself."""
        return self._loaded.about_weights(file)
