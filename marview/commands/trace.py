"""Write the sinogram of a slice and its metal trace, as arrays or as an image: the command `trace`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.options import AsJson, Input, KMeans, Margin, MaskFile, Series, Threshold
from marview.commands.series import shared_series
from marview.dicom.atomic import check_file, claimed
from marview.errors import UsageError
from marview.export import save_picture, whole_file, write_npz
from marview.geometry import TraceCoverage
from marview.mar import MarWorker, Message, Output, SharedArray, SinogramRequest
from marview.terminal import note
from marview.text import count

TRACE_COLOUR = (0, 190, 255)
"""Colour of the outline of the trace in pictures; colour-blind readers can distinguish it from grey."""


def trace(
    input_: Input,
    slice_: Annotated[int, typer.Option("--slice", metavar="K", help="Slice number, as in the window.")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="NAME.npz for the arrays, NAME.png for a picture.")],
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    series: Series = "",
    as_json: AsJson = False,
) -> None:
    """Write the sinogram of a slice and its metal trace, as arrays or as an image.

    The npz file contains `sinogram` and `li_sinogram` (line integrals) and `trace` (bool), all indexed by
    view and bin, and `mask` (bool), indexed by row and column of the slice.

    Raises:
        UsageError: the slice does not exist, or the output is neither npz nor PNG.
        BadInput: the series cannot be read or contains no metal.
    """
    if output.suffix not in {".npz", ".png"}:
        raise UsageError(f"{output} is neither NAME.npz nor NAME.png.")
    check_file(output)
    choice = MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans, margin_mm=margin)
    with claimed(output), shared_series(input_, series) as shared:
        slice_index = shared.loaded.volume.grid.slice_numbers.index(slice_)
        check_file(output)  # again, now that the folder of the series is known: nothing may be written there
        metal = find_metal(shared.loaded, choice)
        pictures: dict[str, NDArray[Any]] = {"mask": metal.mask[slice_index]}

        def listen(message: Message) -> None:
            if isinstance(message, Output):
                pictures[message.name] = np.load(message.path, allow_pickle=False)

        with SharedArray.copy_of(metal.mask) as shared_mask, MarWorker() as worker:
            request = SinogramRequest(
                hu=shared.hu,
                mask=shared_mask,
                spacing_mm=shared.loaded.volume.grid.spacing_mm,
                slice_index=slice_index,
            )
            coverage = TraceCoverage(**worker.sinogram(request, listen).wait().check()["coverage"])
        if output.suffix == ".npz":
            write_npz(output, pictures)
        else:
            _draw(output, np.asarray(pictures["sinogram"], np.float32), np.asarray(pictures["trace"], np.bool_))
    if as_json:
        record = {
            "slice": slice_,
            "origin": metal.origin,
            "coverage": asdict(coverage),
            "notes": list(metal.notes),
            "output": str(output),
        }
        print(json.dumps(record, indent=2))
        return
    for each in metal.notes:
        note(each)
    print(f"{output}: slice {slice_}, {_described(coverage, metal)}")


def _described(coverage: TraceCoverage, metal: FoundMetal) -> str:
    """Describe the coverage of the sinogram in one or two sentences."""
    hidden = coverage.hidden_views
    views = f"{count(hidden, 'view')} {'is' if hidden == 1 else 'are'}" if hidden else "no view is"
    text = (
        f"the metal trace covers {coverage.fraction:.1%} of the sinogram ({metal.origin}); widest gap "
        f"{count(coverage.largest_gap, 'bin')}; {views} fully hidden by metal."
    )
    return text + " The values that replace the trace are largely a guess." if coverage.is_guess else text


def _draw(output: Path, sinogram: NDArray[np.float32], trace: NDArray[np.bool_]) -> None:
    """Draw a grey sinogram, from zero to its largest line integral, with the trace outlined."""
    grey = np.clip(sinogram / max(float(sinogram.max()), 1e-6) * 255, 0, 255).astype(np.uint8)
    picture = np.repeat(grey[..., None], 3, axis=-1)
    picture[_outline(trace)] = TRACE_COLOUR
    with whole_file(output) as part:
        save_picture(Image.fromarray(picture), part)


def _outline(trace: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the trace pixels that touch a pixel outside the trace."""
    inside = np.pad(trace, 1)
    return trace & ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])
