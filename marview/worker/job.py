"""Send the progress, intermediate images and notes of a running method to the window."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marview.errors import BadInput
from marview.mar.manifest import MANIFEST, OUTPUTS, no_output, outputs_line
from marview.mar.messages import Output, Progress, WeightsRead
from marview.worker.channel import Channel
from marview.worker.loading import LoadedMethod
from marview.worker.neighbours import no_neighbours, none_beside

_EVERY_S = 0.05


def check_picture(name: str, array: Tensor) -> None:
    """Check that an intermediate image is two-dimensional.

    Raises:
        ValueError: the image is not two-dimensional.
    """
    if array.ndim != 2:
        shape = tuple(array.shape)
        raise ValueError(f"Output {name!r} must be a two-dimensional image of one slice, but has shape {shape}.")


class Outputs:
    """Writer that saves intermediate images for the window; it does nothing if no images are wanted."""

    def __init__(self, channel: Channel, folder: str, *, is_wanted: bool = True) -> None:
        self.is_wanted = is_wanted and bool(folder)
        self._channel, self._folder = channel, Path(folder)
        if self.is_wanted:
            self._folder.mkdir(parents=True, exist_ok=True)

    def show(self, name: str, slice_index: int, picture: Tensor) -> None:
        """Write an image `[y, x]` or a sinogram `[view, bin]`, and send its path.

        Raises:
            BadInput: there is not enough disk space for the file.
        """
        if not self.is_wanted:
            return
        path = self._folder / f"{name}-{slice_index}.npy"
        values = picture.detach().cpu()
        try:
            np.save(path, values.numpy() if values.dtype == torch.bool else values.half().numpy(), allow_pickle=False)
        except OSError as why:
            raise BadInput(
                f"There is not enough disk space for the images of the run in {self._folder}. Free some space, and try "
                "again."
            ) from why
        self._channel.send(Output(name, slice_index, str(path)))

    def show_all(self, name: str, slice_indices: Sequence[int], pictures: Tensor) -> None:
        """Write the images of several slices, `[slice, ...]`."""
        for slice_index, picture in zip(slice_indices, pictures, strict=True):
            self.show(name, slice_index, picture)


class WorkerJob:
    """The job of a method (`marview.methods.api.Job`).

    Attributes:
        weights_read: name and SHA-256 of each weights file that the method has read.
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
        self.find_beside: Callable[[int, int], Tensor] = none_beside

    def at(self, start: float, share: float) -> None:
        """Map the progress of the next case to the range from `start` to `start + share` of the whole run."""
        self._start, self._share = start, share

    def progress(self, fraction: float, text: str = "") -> None:
        """Report the progress of this case; frequent reports are dropped, unless their text is new."""
        self._say(Progress(self._start + self._share * min(1.0, max(0.0, fraction)), text))

    def learning(self, fraction: float, text: str = "") -> None:
        """Report the progress of training before the correction.

        Frequent reports are dropped, as in `progress`.
        """
        self._say(Progress(min(1.0, max(0.0, fraction)), text, is_learning=True))

    def _say(self, progress: Progress) -> None:
        if progress.text != self._said or time.monotonic() - self._said_at >= _EVERY_S:
            self._said, self._said_at = progress.text, time.monotonic()
            self._channel.send(progress)

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Send an intermediate image of a slice."""
        if name not in self._loaded.manifest.outputs:
            if name not in OUTPUTS:
                raise ValueError(f"{no_output(name)}.")
            line = outputs_line([*self._loaded.manifest.outputs, name])
            raise ValueError(f"The manifest does not list the output {name!r}. Write in {MANIFEST}: {line}")
        check_picture(name, array)
        self._shown.add((name, slice_index))
        if self._outputs is not None:
            self._outputs.show(name, slice_index, array)

    def output_rest(self, name: str, slice_indices: Sequence[int], arrays: Tensor | None) -> None:
        """Send the images in a result, unless the method has already sent them.

        Args:
            name: name of the output.
            slice_indices: indices of the slices that the images belong to.
            arrays: images, one per slice along the first axis; None for no images.
        """
        if self._outputs is None or arrays is None:
            return
        for slice_index, array in zip(slice_indices, arrays, strict=True):
            if (name, slice_index) not in self._shown:
                self._outputs.show(name, slice_index, array)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the run is cancelled."""
        self._channel.check_cancelled()

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        """Return metal-free slices of the same scan in HU, nearest first, and the metal masks of slices with metal."""
        clean, masks = self.find_neighbours(count)
        return clean.to(self.device), masks.to(self.device)

    def beside(self, slice_index: int, reach: int) -> Tensor:
        """Return a slice and `reach` slices of the same scan on each side, in HU."""
        return self.find_beside(slice_index, reach).to(self.device)

    def weights(self, file: str) -> dict[str, Tensor]:
        """Return the tensors of a weights file listed in the manifest, keyed by name, on the job's device."""
        weights = self._loaded.weights(file, str(self.device))
        if file not in [each["file"] for each in self.weights_read]:
            [digest] = [each.sha256.lower() for each in self._loaded.manifest.weights if each.file == file]
            self.weights_read.append({"file": file, "sha256": digest})
            self._channel.send(WeightsRead(file, digest))
        return weights

    def about_weights(self, file: str) -> dict[str, str]:
        """Return the metadata of a weights file."""
        return self._loaded.about_weights(file)
