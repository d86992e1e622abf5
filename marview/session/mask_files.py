"""Import and export the mask as DICOM SEG, NIfTI or NRRD, in the background."""

from functools import partial
from pathlib import Path

from marview.dicom import LoadedSeries
from marview.dicom.mask_file import MaskFile, read_metal
from marview.export.masks import write_mask
from marview.session.background import Background
from marview.session.messages import Messages, Severity
from marview.session.metal import Metal, Source
from marview.text import tr


class MaskFiles:
    """Import and export of masks for the series in view."""

    def __init__(self, background: Background, messages: Messages, metal: Metal) -> None:
        self._background = background
        self._messages = messages
        self._metal = metal

    def read(self, path: Path, series: LoadedSeries) -> None:
        """Import a mask from a file as one undo step.

        A message states whether the mask was resampled, and how.
        """
        before = self._metal.mask

        def work() -> MaskFile:
            return read_metal(path, series)

        def done(read: MaskFile) -> None:
            if self._metal.mask is not before:
                return  # another series has been opened
            severity = Severity.WARNING if read.notes else Severity.SUCCESS
            sentence = " ".join([tr("Mask imported from {}.").format(path.name), *read.notes])
            tell = partial(self._messages.say, severity, sentence)
            self._metal.put(read.mask, f"mask file {path.name}", tuple(read.notes), tell)

        self._background.run(work, done, self._messages.error)

    def write(self, path: Path, series: LoadedSeries) -> None:
        """Export the current mask in the format given by the file extension."""
        if self._metal.shared is None or not self._metal.is_present:
            self._messages.say(Severity.WARNING, tr("No metal is marked, so there is no mask to write."))
            return
        mask, recipe = self._metal.copy(), self._metal.recipe
        is_automatic = recipe.source is not Source.HAND

        def work() -> Path:
            return write_mask(path, mask, series, origin=recipe.text, is_automatic=is_automatic)

        def done(written: Path) -> None:
            if self._metal.recipe == recipe:
                self._metal.saved = recipe
            self._messages.say(Severity.SUCCESS, tr("The metal mask was written to {}.").format(written.name))

        self._background.run(work, done, self._messages.error)
